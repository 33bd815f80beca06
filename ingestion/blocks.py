"""Blocks: rows that continue the row above, as the lines of an order do in a Shopify export.

Fields of the whole record stand on a block's first row only. A row continues the block above if it
has no name; or has the block's name and lacks what a first row must have; or repeats the first
row's fields beside another line. The same record a second time, with the same line or with other
fields, begins a block of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.records import Batch


def block_starts(
    names: pa.StringArray,
    is_complete: np.ndarray,
    record_texts: Sequence[pa.StringArray],
    line_texts: Sequence[pa.StringArray],
) -> np.ndarray:
    """Which rows begin a block; the first row always does.

    ``is_complete``: the row has what a first row must have. ``record_texts``, ``line_texts``: its
    fields of the record and of the line.
    """
    if len(names) == 0:
        return np.zeros(0, bool)
    is_named = names.is_valid().to_numpy(zero_copy_only=False)
    filled = names.take(pa.array(_last_true(is_named), mask=is_named.cumsum() == 0))
    above = pa.concat_arrays([pa.nulls(1, pa.string()), filled[:-1]])
    is_new = is_named & ~_same(names, above)
    first = pa.array(_last_true(is_new))
    same_record = _all_same(record_texts, first)
    same_line = _all_same(line_texts, first)
    is_another_line = same_record & ~same_line
    starts: np.ndarray = is_new | (is_named & is_complete & ~is_another_line)
    starts[:1] = True
    return starts


def _all_same(texts: Sequence[pa.StringArray], first: pa.Int64Array) -> np.ndarray:
    same = np.ones(len(first), bool)
    for text in texts:
        same &= _same(text, text.take(first))
    return same


def _same(left: pa.StringArray, right: pa.StringArray) -> np.ndarray:
    """Equal, or both null."""
    both_null = pc.and_(left.is_null(), right.is_null())
    equal = pc.fill_null(pc.equal(left, right), False)
    same: np.ndarray = pc.or_(both_null, equal).to_numpy(zero_copy_only=False)
    return same


def first_rows(starts: np.ndarray) -> np.ndarray:
    """For every row, the index of its block's first row."""
    return _last_true(starts)


def _last_true(flags: np.ndarray) -> np.ndarray:
    """For every place, the nearest place at or above it that is true; 0 where there is none."""
    places = np.arange(len(flags))
    return np.maximum.accumulate(np.where(flags, places, 0))


def whole_blocks(
    batches: Iterator[Batch], starts_of: Callable[[Batch], np.ndarray]
) -> Iterator[Batch]:
    """The same records in batches that end where a block ends."""
    held: Batch | None = None
    for batch in batches:
        joined = batch if held is None else _joined(held, batch)
        starts = np.flatnonzero(starts_of(joined))
        last = int(starts[-1]) if len(starts) else 0
        size = len(joined.rows)
        if last:
            yield joined.take(pa.array(range(last), pa.int64()))
        held = joined.take(pa.array(range(last, size), pa.int64()))
    if held is not None:
        yield held


def _joined(first: Batch, second: Batch) -> Batch:
    def both(a: pa.Array | None, b: pa.Array | None) -> pa.Array | None:
        return None if a is None or b is None else pa.concat_arrays([a, b])

    return Batch(
        both(first.rows, second.rows),
        both(first.lines, second.lines),
        both(first.faults, second.faults),
        {field: both(text, second.texts[field]) for field, text in first.texts.items()},
    )
