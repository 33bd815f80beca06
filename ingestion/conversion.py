"""Conversion: texts become the typed columns of a contract, and a row that breaks it goes to
quarantine with the reason.

A batch of records at a time: keep what the filter keeps, find each column's text by its rule, fill
blocks down, type the texts, key personal data, and divide the rows into accepted and quarantined
ones. Reasons name column and fault.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.blocks import block_starts, first_rows, whole_blocks
from ingestion.contract import KEYED, MONEY, Column
from ingestion.mapping import ColumnRule
from ingestion.personal_data import Keyring
from ingestion.records import Batch, Records
from ingestion.settings import FileMapping, SourceSettings
from ingestion.timestamps import written_zone
from ingestion.values import How, Typed, read_column

QUARANTINE_FIELDS = (
    pa.field("quarantine_row", pa.int64()),
    pa.field("quarantine_line", pa.int64()),
    pa.field("quarantine_reason", pa.string()),
)

# Older than any shop, call or click that an export holds; seconds read as milliseconds lie in 1970.
_FIRST_EVENT = datetime.fromisoformat("1990-01-01")
# Clocks of vendors run ahead by zones and skew, never by more than two days.
_SKEW = timedelta(days=2)

_SEPARATOR = "\x1f"
_NO_TEXT = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Converted:
    """One batch: accepted rows in the raw schema, quarantined ones with QUARANTINE_FIELDS before
    it.

    ``filtered``: rows that the mapping's filter left out. ``unknown``: how many texts of a column
    are no address or number, so that the person stays unknown; the row itself is kept.
    """

    accepted: pa.Table
    quarantined: pa.Table
    filtered: int
    unknown: Counter[str]


@dataclass(frozen=True)
class Origin:
    """What every row of a delivery carries."""

    source: SourceSettings
    delivery_id: str
    reporting_currency: str
    received_at: datetime


def convert(
    records: Records, mapping: FileMapping, origin: Origin, keyring: Keyring, fill_down: str | None
) -> Iterator[Converted]:
    """Typed batches of a file."""
    # Ids and occurrences are numbered through the file, across batches.
    numbering: dict[str, Counter[int]] = {}
    filtered = 0

    def kept() -> Iterator[Batch]:
        nonlocal filtered
        for batch in records.batches:
            rows, left_out = _kept(batch, mapping)
            filtered += left_out
            yield rows

    starts_of = (
        functools.partial(_block_starts, mapping=mapping, fill_down=fill_down)
        if fill_down
        else None
    )
    told = 0
    for batch in whole_blocks(kept(), starts_of) if starts_of else kept():
        starts = starts_of(batch) if starts_of else None
        left_out, told = filtered - told, filtered
        yield _convert(batch, left_out, starts, records, mapping, origin, keyring, numbering)


def _convert(
    batch: Batch,
    filtered: int,
    starts: np.ndarray | None,
    records: Records,
    mapping: FileMapping,
    origin: Origin,
    keyring: Keyring,
    numbering: dict[str, Counter[int]],
) -> Converted:
    texts = _column_texts(batch, mapping, numbering)
    if starts is not None:
        texts = _filled_down(texts, starts)
    occurrence = _occurrence(texts, starts, mapping, numbering)
    typed = {
        column.name: _typed(column, texts[column.name], mapping, keyring)
        for column in mapping.contract.columns
    }
    typed = _completed(typed, mapping, origin)
    reasons = _reasons(batch, texts, typed, mapping, origin)
    if starts is not None:
        reasons = _whole_blocks_only(reasons, starts)
    table = _raw_table(batch, texts, typed, occurrence, mapping, origin)
    return _divided(table, batch, reasons, records, filtered, _unknown(texts, typed, mapping))


# --- records -> one text per column


def _kept(batch: Batch, mapping: FileMapping) -> tuple[Batch, int]:
    """The rows that the filter keeps and how many it left out. Unreadable records are never left
    out.
    """
    if not mapping.filter:
        return batch, 0
    keep = np.ones(len(batch.rows), bool)
    for condition in mapping.filter:
        text = pc.fill_null(pc.utf8_trim_whitespace(batch.texts[condition.field]), "")
        is_in = pc.is_in(text, pa.array(condition.texts, pa.string()))
        keep &= is_in.to_numpy(zero_copy_only=False) == condition.keep
    if batch.faults is not None:
        keep |= batch.faults.is_valid().to_numpy(zero_copy_only=False)
    if keep.all():
        return batch, 0
    return batch.take(pa.array(np.flatnonzero(keep))), int((~keep).sum())


def _column_texts(
    batch: Batch, mapping: FileMapping, numbering: dict[str, Counter[int]]
) -> dict[str, pa.StringArray]:
    texts = {}
    for column in mapping.contract.columns:
        rule = mapping.rules.get(column.name, ColumnRule())
        if rule.generate:
            seen = numbering.setdefault(column.name, Counter())
            texts[column.name] = _generated(batch, rule, seen)
        else:
            texts[column.name] = _ruled_text(batch, rule)
    return texts


def _ruled_text(batch: Batch, rule: ColumnRule) -> pa.StringArray:
    size = len(batch.rows)
    if rule.constant is not None:
        return pa.repeat(pa.scalar(rule.constant or None, pa.string()), size)
    found = [
        _cleaned(batch.texts[path], rule.null_values) for path in rule.paths if path in batch.texts
    ]
    text = pc.coalesce(*found) if found else pa.nulls(size, pa.string())
    if rule.values or rule.prefixes:
        text = _mapped(text, rule)
    return text if rule.default is None else pc.fill_null(text, rule.default)


def _cleaned(text: pa.StringArray, null_values: Sequence[str]) -> pa.StringArray:
    """Trimmed; an empty text, and one of the contract's words for nothing, is null."""
    trimmed = pc.utf8_trim_whitespace(text)
    is_nothing = pc.is_in(trimmed, pa.array(["", *null_values], pa.string()))
    return pc.if_else(is_nothing, _NO_TEXT, trimmed)


def _mapped(text: pa.StringArray, rule: ColumnRule) -> pa.StringArray:
    """Through the value map, or the map by longest prefix; what is in neither stays, unless there
    is a default.
    """
    values = dict(rule.values)
    prefixes = sorted(rule.prefixes, key=lambda pair: -len(pair[0]))

    def new(old: str) -> str | None:
        by_prefix = (found for prefix, found in prefixes if old.startswith(prefix))
        kept = None if rule.default is not None else old
        return values.get(old, next(by_prefix, kept)) or None

    encoded = text.dictionary_encode()
    mapped = pa.array([new(old) for old in encoded.dictionary.to_pylist()], pa.string())
    return mapped.take(encoded.indices)


def _generated(batch: Batch, rule: ColumnRule, seen: Counter[int]) -> pa.StringArray:
    """The fields joined, and a running number, so that equal records stay separate."""
    parts = [
        pc.fill_null(pc.utf8_trim_whitespace(batch.texts[path]), "")
        if path in batch.texts
        else pa.repeat(pa.scalar("", pa.string()), len(batch.rows))
        for path in rule.generate
    ]
    joined = pc.binary_join_element_wise(*parts, _SEPARATOR)
    return pc.binary_join_element_wise(
        joined, pc.cast(_numbered(joined, seen), pa.string()), "\x1f"
    )


def _numbered(texts: pa.StringArray, seen: Counter[int]) -> pa.Int64Array:
    """How often each text has stood in the file up to here, from 1."""
    numbers = []
    for text in texts.to_pylist():
        # A hash instead of the text, so that memory follows the number of records and not their
        # length.
        place = hash(text)
        seen[place] += 1
        numbers.append(seen[place])
    return pa.array(numbers, pa.int64())


# --- blocks


def _block_starts(batch: Batch, mapping: FileMapping, fill_down: str) -> np.ndarray:
    texts = {name: _ruled_text(batch, rule) for name, rule in mapping.rules.items()}
    is_complete = np.ones(len(batch.rows), bool)
    for column in mapping.contract.columns:
        if mapping.requires(column) and column.name in texts and not _is_line_column(column.name):
            is_complete &= texts[column.name].is_valid().to_numpy(zero_copy_only=False)
    return block_starts(
        texts[fill_down],
        is_complete,
        [text for name, text in texts.items() if not _is_line_column(name)],
        [text for name, text in texts.items() if _is_line_column(name)],
    )


def _is_line_column(name: str) -> bool:
    """In contracts of blocks, columns of a single line are called line_*; the others belong to the
    whole block.
    """
    return name.startswith("line_")


def _filled_down(
    texts: Mapping[str, pa.StringArray], starts: np.ndarray
) -> dict[str, pa.StringArray]:
    first = pa.array(first_rows(starts))
    return {
        name: text if _is_line_column(name) else text.take(first) for name, text in texts.items()
    }


def _occurrence(
    texts: Mapping[str, pa.StringArray],
    starts: np.ndarray | None,
    mapping: FileMapping,
    numbering: dict[str, Counter[int]],
) -> pa.Int64Array:
    """Number of the row within its block, or among the rows of its key; else 1."""
    size = len(next(iter(texts.values())))
    if starts is not None:
        return pa.array(np.arange(size) - first_rows(starts) + 1)
    if "occurrence" not in mapping.key:
        return pa.repeat(pa.scalar(1, pa.int64()), size)
    parts = [pc.fill_null(texts[name], "") for name in mapping.key if name != "occurrence"]
    joined = pc.binary_join_element_wise(*parts, _SEPARATOR)
    return _numbered(joined, numbering.setdefault("occurrence", Counter()))


def _whole_blocks_only(reasons: pa.StringArray, starts: np.ndarray) -> pa.StringArray:
    """An order with one bad line must not be published without it: the whole block goes."""
    bad = reasons.is_valid().to_numpy(zero_copy_only=False)
    if not bad.any():
        return reasons
    first = first_rows(starts)
    in_bad_block = np.isin(first, first[bad])
    word = pa.scalar("another row of this record is quarantined", pa.string())
    return pc.if_else(pa.array(in_bad_block), pc.fill_null(reasons, word), _NO_TEXT)


# --- texts -> values


def _typed(column: Column, texts: pa.StringArray, mapping: FileMapping, keyring: Keyring) -> Typed:
    if texts.null_count == len(texts):
        return Typed(tuple(pa.nulls(len(texts), kind) for _, kind in column.raw_fields()))
    rule = mapping.rules[column.name]
    return read_column(texts, How(column, rule, mapping.dialect, keyring))


def _completed(
    typed: Mapping[str, Typed], mapping: FileMapping, origin: Origin
) -> dict[str, Typed]:
    """Computed amounts and the reporting currency, where the file says nothing."""
    completed = dict(typed)
    for column in mapping.contract.columns:
        rule = mapping.rules.get(column.name)
        values = typed[column.name].arrays[0]
        if rule and rule.computed:
            left, right = (typed[name].arrays[0] for name in rule.computed)
            product, too_large = _product(left, right)
            computed = pc.coalesce(values, product)
            fault = pc.if_else(
                pc.and_(too_large, values.is_null()), pa.scalar("too large"), _NO_TEXT
            )
            faults = typed[column.name].faults
            both = fault if faults is None else pc.coalesce(faults, fault)
            completed[column.name] = Typed(
                (computed,), both if both.null_count < len(both) else None
            )
        elif column.type == "currency" and not column.required:
            filled = pc.fill_null(values, origin.reporting_currency)
            completed[column.name] = Typed((filled,), typed[column.name].faults)
    return completed


def _product(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.BooleanArray]:
    """The product to four decimals, half away from zero; null, and true in the second array, where
    it is too large.
    """
    exact = pc.round(pc.multiply(left, right), MONEY.scale, round_mode="half_towards_infinity")
    limit = pa.scalar(10 ** (MONEY.precision - MONEY.scale), exact.type)
    too_large = pc.fill_null(pc.greater_equal(pc.abs(exact), limit), False)
    fitting = pc.if_else(too_large, pa.scalar(None, exact.type), exact)
    return pc.cast(fitting, MONEY), too_large


def _unknown(
    texts: Mapping[str, pa.StringArray], typed: Mapping[str, Typed], mapping: FileMapping
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for column in mapping.contract.columns:
        if column.type in KEYED:
            count = typed[column.name].arrays[0].null_count - texts[column.name].null_count
            counts.update({column.name: count} if count else {})
    return counts


# --- what is wrong with a row


def _reasons(
    batch: Batch,
    texts: Mapping[str, pa.StringArray],
    typed: Mapping[str, Typed],
    mapping: FileMapping,
    origin: Origin,
) -> pa.StringArray:
    """Why each row is quarantined; null where it is not."""
    found: list[pa.StringArray] = []
    for column in mapping.contract.columns:
        faults = typed[column.name].faults
        if mapping.requires(column) and texts[column.name].null_count:
            missing = pc.if_else(texts[column.name].is_null(), pa.scalar("missing"), _NO_TEXT)
            faults = missing if faults is None else pc.coalesce(missing, faults)
        if faults is not None:
            found.append(_named(column.name, faults))
    found += _event_time_faults(typed, mapping, origin)
    reasons = _joined(found, len(batch.rows))
    # What could not be read has no values whose absence would be worth a word.
    return reasons if batch.faults is None else pc.coalesce(batch.faults, reasons)


def _joined(faults: Sequence[pa.StringArray], size: int) -> pa.StringArray:
    """All faults of each row in one text; null where there are none."""
    is_bad = np.zeros(size, bool)
    for column in faults:
        is_bad |= column.is_valid().to_numpy(zero_copy_only=False)
    bad = pa.array(np.flatnonzero(is_bad))
    texts = [column.take(bad).to_pylist() for column in faults]
    reasons = ["; ".join(filter(None, words)) for words in zip(*texts, strict=True)]
    places = pa.array(is_bad.cumsum() - 1, mask=~is_bad)
    return pa.array(reasons, pa.string()).take(places)


def _named(name: str, faults: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(pa.scalar(name), faults, ": ")


def _event_time_faults(
    typed: Mapping[str, Typed], mapping: FileMapping, origin: Origin
) -> list[pa.StringArray]:
    name = mapping.contract.event_time
    moments = typed[name].arrays[0]
    if not pa.types.is_timestamp(moments.type):
        return []
    early = pc.less(moments, pa.scalar(_FIRST_EVENT, moments.type))
    late = pc.greater(moments, pa.scalar(origin.received_at + _SKEW, moments.type))
    words = ((early, "before 1990 (seconds or milliseconds?)"), (late, "in the future"))
    return [
        _named(name, pc.if_else(is_wrong, pa.scalar(word), _NO_TEXT))
        for is_wrong, word in words
        if pc.any(is_wrong).as_py()
    ]


# --- the tables


def _raw_table(
    batch: Batch,
    texts: Mapping[str, pa.StringArray],
    typed: Mapping[str, Typed],
    occurrence: pa.Int64Array,
    mapping: FileMapping,
    origin: Origin,
) -> pa.Table:
    size = len(batch.rows)
    contract = mapping.contract
    arrays = [
        pa.repeat(pa.scalar(origin.source.name), size),
        pa.repeat(pa.scalar(origin.source.id_space), size),
        pa.repeat(pa.scalar(origin.delivery_id), size),
        batch.rows,
        occurrence,
        _source_zones(texts, mapping),
    ]
    for column in contract.columns:
        arrays += typed[column.name].arrays
    return pa.table(arrays, schema=contract.raw_schema())


def _source_zones(texts: Mapping[str, pa.StringArray], mapping: FileMapping) -> pa.StringArray:
    """Where the event time's zone stood in the text, that offset; else the declared zone."""
    name = mapping.contract.event_time
    rule = mapping.rules.get(name)
    if rule is None:
        return pa.nulls(len(texts[name]), pa.string())
    zone, is_counted = rule.zone, rule.unit_microseconds is not None
    if is_counted or rule.format is not None:
        word = "UTC" if is_counted else zone
        return pa.repeat(pa.scalar(word), len(texts[name]))
    encoded = texts[name].dictionary_encode()
    zones = [written_zone(text, zone) for text in encoded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(zones, pa.string()).take(encoded.indices), zone)


def _divided(
    table: pa.Table,
    batch: Batch,
    reasons: pa.StringArray,
    records: Records,
    filtered: int,
    unknown: Counter[str],
) -> Converted:
    schema = pa.schema([*QUARANTINE_FIELDS, *table.schema])
    if reasons.null_count == len(reasons):
        return Converted(table, schema.empty_table(), filtered, unknown)
    is_bad = reasons.is_valid()
    rows = batch.rows.filter(is_bad)
    if batch.lines is None:
        lines = pa.array(records.find_lines(rows.to_pylist()), pa.int64())
    else:
        lines = batch.lines.filter(is_bad)
    rejected = table.filter(is_bad)
    quarantined = pa.table([rows, lines, reasons.filter(is_bad), *rejected.columns], schema=schema)
    return Converted(table.filter(pc.invert(is_bad)), quarantined, filtered, unknown)
