"""Reading: a plain (unpacked) file in, its records as text out."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingestion.delimited_text import read_delimited
from ingestion.json_documents import JsonEngine, is_lines, read_documents, read_lines
from ingestion.parquet_columns import read_parquet
from ingestion.preflight import utf8_text
from ingestion.records import Records
from ingestion.settings import FileMapping


def read_records(
    path: Path,
    name: str,
    kind: str,
    mapping: FileMapping,
    staging: Path,
    engine: JsonEngine,
    careful: bool = False,
) -> Records:
    """Open a file of format ``kind``. Raises UnreadableFile when the file as a whole cannot be
    trusted.

    The batches of a delimited file may raise IrregularText: then read it again with ``careful``.
    """
    if kind == "parquet":
        return read_parquet(path, name, mapping)
    text = utf8_text(path, name, mapping.dialect, staging)
    if kind == "csv":
        return read_delimited(text, name, mapping, careful)
    if is_lines(text) or (kind == "ndjson" and not _is_list(text)):
        return read_lines(text, name, mapping, engine)
    return read_documents(text, name, mapping, engine)


def json_engine() -> duckdb.DuckDBPyConnection:
    """An engine that can follow JSON paths and nothing else: no files, no network, nothing spilled
    to disk.
    """
    engine = duckdb.connect()
    engine.execute("set temp_directory = ''")
    engine.execute("set enable_external_access = false")
    return engine


def _is_list(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(1 << 16).lstrip().startswith(b"[")
