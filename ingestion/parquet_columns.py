"""Parquet: records by field path, as text, from flat and from nested columns.

Pages are checked against their checksums where the writer left any; without them a flipped bit
cannot be found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ingestion.field_paths import FieldPath, parse_path
from ingestion.key_lists import VALUE_KINDS, looked_up
from ingestion.landing import UnreadableFile
from ingestion.preflight import MAX_RATIO, RATIO_FROM_BYTES, check_fields, check_parquet
from ingestion.records import Batch, Records
from ingestion.settings import FileMapping

_BATCH_ROWS = 32_768
# From here on a floating point number may have lost digits; written with an exponent, an id is
# refused.
_EXACT_FLOAT = 2**53


def read_parquet(path: Path, name: str, mapping: FileMapping) -> Records:
    """The records of a Parquet file. Raises UnreadableFile, also while the batches are read."""
    check_parquet(path, name)
    try:
        opened = pa.parquet.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(
            name, "footer", _first_line(error), "Have it delivered again"
        ) from error
    _check_size(opened, path, name)
    names = opened.schema_arrow.names
    paths = [parse_path(field) for field in mapping.fields()]
    # A column's own name comes before any meaning that its dots and brackets might have.
    paths = [FieldPath(path.text, (path.text,)) if path.text in names else path for path in paths]
    paths = [path for path in paths if path.first in names]
    check_fields(name, names, {path.text for path in paths}, mapping)
    return Records(_batches(opened, name, paths), tuple(names))


def _check_size(opened: pa.parquet.ParquetFile, path: Path, name: str) -> None:
    """As for gzip: what claims to unpack to hundreds of times its size is not read."""
    groups = range(opened.metadata.num_row_groups)
    unpacked = sum(opened.metadata.row_group(group).total_byte_size for group in groups)
    if unpacked > max(RATIO_FROM_BYTES, path.stat().st_size * MAX_RATIO):
        raise UnreadableFile(
            name,
            "footer",
            f"unpacks to {unpacked} bytes, over {MAX_RATIO} times its size",
            "If it is really meant, deliver it with less compression",
        )


def _batches(
    opened: pa.parquet.ParquetFile, name: str, paths: Sequence[FieldPath]
) -> Iterator[Batch]:
    columns = sorted({path.first for path in paths})
    row = 1
    try:
        for batch in opened.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            yield Batch(
                rows=pa.array(range(row, row + batch.num_rows), pa.int64()),
                lines=None,
                faults=None,
                texts={path.text: _texts(_reached(batch, path)) for path in paths},
            )
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(
            name, f"after row {row - 1}", _first_line(error), "Have it delivered again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _reached(batch: pa.RecordBatch, path: FieldPath) -> pa.Array:
    column = batch.column(path.first)
    for step in path.steps[1:]:
        column = _stepped(column, step)
    if path.key is None:
        return column
    if not _is_key_list(column.type):
        return pa.nulls(len(column), pa.string())
    return _listed_value(looked_up(column, path.key))


def _is_key_list(kind: pa.DataType) -> bool:
    return (
        (pa.types.is_list(kind) or pa.types.is_large_list(kind))
        and pa.types.is_struct(kind.value_type)
        and {"key", "value"} <= {field.name for field in kind.value_type}
    )


def _stepped(column: pa.Array, step: str | int) -> pa.Array:
    """One step into a nested column; null where there is nothing of that name or place."""
    kind = column.type
    if isinstance(step, str) and pa.types.is_struct(kind) and kind.get_field_index(step) >= 0:
        return pc.struct_field(column, step)
    if isinstance(step, int) and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        offsets = column.offsets.to_numpy()
        is_there = np.diff(offsets) > step
        return column.values.take(pa.array(offsets[:-1] + step, mask=~is_there))
    return pa.nulls(len(column), pa.string())


def _listed_value(values: pa.Array) -> pa.Array:
    """A plain value, or the one of GA4's typed fields that is filled."""
    if not pa.types.is_struct(values.type):
        return values
    kinds = [kind for kind in VALUE_KINDS if values.type.get_field_index(kind) >= 0]
    texts = [_texts(pc.struct_field(values, kind)) for kind in kinds]
    return pc.coalesce(*texts) if texts else pa.nulls(len(values), pa.string())


def _texts(column: pa.Array) -> pa.StringArray:
    """A column as text: numbers with all their digits, times in ISO 8601, nested values as JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_floating(kind):
        distinct = column.dictionary_encode()
        texts = [_float_text(value) for value in distinct.dictionary.to_numpy(False)]
        return pa.array(texts, pa.string()).take(distinct.indices)
    if pa.types.is_decimal(kind):
        distinct = column.dictionary_encode()
        texts = [format(value, "f") for value in distinct.dictionary.to_pylist()]
        return pa.array(texts, pa.string()).take(distinct.indices)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.cast(pc.cast(column, pa.timestamp(kind.unit, "UTC")), pa.string())
    if pa.types.is_nested(kind):
        documents = [
            None if value is None else json.dumps(value, default=str)
            for value in column.to_pylist()
        ]
        return pa.array(documents, pa.string())
    return pc.cast(column, pa.string())


def _float_text(value: np.floating) -> str:
    if np.isfinite(value) and abs(value) < _EXACT_FLOAT:
        return np.format_float_positional(value, trim="-")
    return f"{value:e}"
