"""What every reader gives: a file's records as text, in batches, by field. No types yet, nothing
guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """Some records of a file.

    ``rows``: record numbers in the file, from 1. ``lines``: physical lines, null or None where
    unknown. ``faults``: why a record could not be read at all, null where it could. ``texts``: one
    text column per field the file has.
    """

    rows: pa.Int64Array
    lines: pa.Int64Array | None
    faults: pa.StringArray | None
    texts: Mapping[str, pa.StringArray]

    def take(self, indices: pa.Array) -> Batch:
        """The records at ``indices``."""
        return Batch(
            self.rows.take(indices),
            None if self.lines is None else self.lines.take(indices),
            None if self.faults is None else self.faults.take(indices),
            {field: text.take(indices) for field, text in self.texts.items()},
        )


def _unknown_lines(rows: Sequence[int]) -> list[int | None]:
    return [None] * len(rows)


@dataclass(frozen=True)
class Records:
    """The records of one file, to be iterated once.

    ``header``: names of its fields, where the file itself lists them. ``find_lines``: physical
    lines of ascending record numbers, for batches without ``lines``.
    """

    batches: Iterator[Batch]
    header: tuple[str, ...] | None = None
    find_lines: Callable[[Sequence[int]], list[int | None]] = _unknown_lines
