"""Reading: a file's records as text, in batches, by name. No types yet, nothing guessed.

Every batch is an Arrow table with ``row`` (record number in the file, from 1) and either one text column per field, or
``document``, the record as JSON text. Records that a reader cannot give at all are listed as ``Unreadable``.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ingestion.landing import UnreadableFile
from ingestion.mapping import ColumnRule
from ingestion.preflight import check_columns, check_parquet, csv_header, utf8_text
from ingestion.settings import FileMapping

BLOCK_BYTES = 32 << 20
BATCH_ROWS = 131_072
# A JSON array or page is parsed whole; larger deliveries belong into NDJSON.
MAX_JSON_BYTES = 1 << 30


@dataclass(frozen=True)
class BadRecord:
    """A record with the wrong number of fields: its number in the file and what is wrong."""

    row: int
    reason: str


@dataclass
class Records:
    """The records of one file: batches to iterate once, and what could not be given.

    ``text`` is the file as delimited UTF-8 text, where it is that.
    """

    batches: Iterator[pa.Table]
    documents: bool
    bad: list[BadRecord] = field(default_factory=list)
    text: Path | None = None


def read_records(path: Path, name: str, kind: str, mapping: FileMapping, staging: Path) -> Records:
    """Open a plain (unpacked) file. Raises UnreadableFile when the file as a whole cannot be trusted."""
    if kind == "parquet":
        return _read_parquet(path, name, mapping)
    text = utf8_text(path, name, mapping.dialect, staging)
    if kind == "csv":
        return _read_csv(text, name, mapping)
    if kind == "ndjson" or (kind == "json" and _is_ndjson(text)):
        return Records(_read_lines(text), documents=True)
    return Records(_read_json(text, name, mapping.records), documents=True)


def _fields(mapping: FileMapping) -> list[str]:
    """All fields that the mapping mentions, in order."""
    rules: Sequence[ColumnRule] = list(mapping.rules.values())
    wanted = [path for rule in rules for path in (*rule.paths, *rule.generate)]
    if mapping.filter:
        wanted += [condition[0] for condition in mapping.filter.conditions]
    return list(dict.fromkeys(wanted))


# --- delimited text


def _read_csv(path: Path, name: str, mapping: FileMapping) -> Records:
    dialect = mapping.dialect
    header = csv_header(path, name, dialect)
    check_columns(name, header, mapping)
    _check_quotes(path, name, mapping)
    wanted = _fields(mapping)
    present = [item for item in header if item and item in wanted]
    records = Records(iter(()), documents=False, text=path)

    def keep_number(invalid: pa.csv.InvalidRow) -> str:
        # The reader counts the header as row 1.
        records.bad.append(
            BadRecord(
                invalid.number - 1,
                f"{invalid.actual_columns} fields where the header has {invalid.expected_columns}",
            )
        )
        return "skip"

    names = [item or f"unnamed {place}" for place, item in enumerate(header)]
    try:
        reader = pa.csv.open_csv(
            path,
            read_options=pa.csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=0
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                newlines_in_values=bool(dialect.quote),
                invalid_row_handler=keep_number,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=present,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _csv_error(name, error) from error
    records.batches = _numbered(_csv_batches(reader, name), records.bad)
    return records


def _csv_batches(reader: pa.csv.CSVStreamingReader, name: str) -> Iterator[pa.Table]:
    first = True
    try:
        for batch in reader:
            table = pa.Table.from_batches([batch])
            # The header is read as a record (names are given), so that names are ours and trimmed.
            yield table.slice(1) if first else table
            first = False
    except pa.ArrowInvalid as error:
        raise _csv_error(name, error) from error


def _csv_error(name: str, error: pa.ArrowInvalid) -> UnreadableFile:
    return UnreadableFile(
        name,
        "while parsing",
        str(error).splitlines()[0],
        f"A field may be over {BLOCK_BYTES >> 20} MiB, or the delimiter or quote differ from dialect",
    )


def _numbered(batches: Iterator[pa.Table], bad: list[BadRecord]) -> Iterator[pa.Table]:
    """Add ``row``: records count from 1, those that were skipped as bad included."""
    following = 1
    for table in batches:
        skipped = {record.row for record in bad}
        numbers = itertools.islice(
            (row for row in itertools.count(following) if row not in skipped), table.num_rows
        )
        rows = list(numbers) if skipped else list(range(following, following + table.num_rows))
        following = rows[-1] + 1 if rows else following
        yield table.append_column("row", pa.array(rows, pa.int64()))


def _check_quotes(path: Path, name: str, mapping: FileMapping) -> None:
    """An odd number of quotes may mean that one is never closed: then the reader would swallow the rest."""
    quote = mapping.dialect.quote
    if not quote:
        return
    count = 0
    with path.open("rb") as opened:
        while chunk := opened.read(BLOCK_BYTES):
            count += chunk.count(quote.encode())
    if count % 2 == 0:
        return
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(
            opened, delimiter=mapping.dialect.delimiter, quotechar=quote, strict=True
        )
        start = 1
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise UnreadableFile(
                    name,
                    f"line {start}",
                    "a quote opens here and never closes",
                    "The file may be cut; have it delivered again",
                ) from error


def csv_lines(path: Path, mapping: FileMapping, rows: Sequence[int]) -> dict[int, int]:
    """The physical line on which each of the records ``rows`` begins (they differ where fields hold newlines)."""
    wanted = set(rows)
    found: dict[int, int] = {}
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(
            opened,
            delimiter=mapping.dialect.delimiter,
            quotechar=mapping.dialect.quote or None,
        )
        start, row = 1, 0
        for record in reader:
            if record:
                if row in wanted:
                    found[row] = start
                    if len(found) == len(wanted):
                        break
                row += 1
            start = reader.line_num + 1
    return found


# --- JSON


def _is_ndjson(path: Path) -> bool:
    """A .json file whose first line is a whole object and which goes on after it is NDJSON."""
    with path.open(encoding="utf-8") as opened:
        first = opened.readline(BLOCK_BYTES).strip()
        if not first.startswith("{"):
            return False
        try:
            json.loads(first)
        except ValueError:
            return False
        return any(line.strip() for line in opened)


def _read_lines(path: Path) -> Iterator[pa.Table]:
    row = 0
    with path.open(encoding="utf-8", newline="\n") as opened:
        # Blank lines are none of the vendor's records; the line number is kept beside the record number.
        filled = ((number, line) for number, line in enumerate(opened, 1) if line.strip())
        while chunk := list(itertools.islice(filled, BATCH_ROWS)):
            yield pa.table(
                {
                    "row": pa.array(range(row + 1, row + 1 + len(chunk)), pa.int64()),
                    "line": pa.array([number for number, _ in chunk], pa.int64()),
                    "document": pa.array([line for _, line in chunk], pa.string()),
                }
            )
            row += len(chunk)


def _read_json(path: Path, name: str, records: str | None) -> Iterator[pa.Table]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise UnreadableFile(
            name, "whole file", f"a JSON page over {MAX_JSON_BYTES >> 20} MiB", "Deliver NDJSON"
        )
    text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UnreadableFile(
            name, "while parsing", f"not JSON: {error}", "Have it delivered again"
        ) from error
    place = _records_place(document, name, records)
    connection = duckdb.connect()
    # The engine cuts the records out of the text, so that no number is rounded on the way.
    found = (
        connection.execute(
            "select unnest(json_extract(?::json, ?))::varchar as document", [text, place]
        ).to_arrow_table()
        if place
        else pa.table({"document": pa.array([text], pa.string())})
    )
    connection.close()
    yield found.append_column("row", pa.array(range(1, found.num_rows + 1), pa.int64()))


def _records_place(document: object, name: str, records: str | None) -> str | None:
    if isinstance(document, list):
        return "$[*]"
    inner: object = document
    for part in (records or "").split(".") if records else []:
        inner = inner.get(part) if isinstance(inner, dict) else None
    if records and isinstance(inner, list):
        return "$." + ".".join(f'"{part}"' for part in records.split(".")) + "[*]"
    if isinstance(document, dict):
        lists = [key for key, value in document.items() if isinstance(value, list)]
        if len(lists) == 1 and set(document) & {"paging", "next_page", "count", "meta", *lists[:1]}:
            candidates = document[lists[0]]
            if candidates and all(isinstance(item, dict) for item in candidates) and records:
                return f'$."{lists[0]}"[*]'
        if records and lists:
            raise UnreadableFile(
                name,
                f"$.{records}",
                "no list of records there",
                f"Declare records: one of {', '.join(lists)}",
            )
        return None
    raise UnreadableFile(name, "top level", "neither a list nor an object", "Check the export")


# --- Parquet


def _read_parquet(path: Path, name: str, mapping: FileMapping) -> Records:
    check_parquet(path, name)
    try:
        opened = pa.parquet.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(
            name, "footer", str(error).splitlines()[0], "Have it delivered again"
        ) from error
    columns = opened.schema_arrow.names
    wanted = _fields(mapping)
    flat = all(item in columns or _first(item) not in columns for item in wanted)
    if flat:
        check_columns(name, columns, mapping)
    present = [item for item in columns if item in wanted or item in map(_first, wanted)]
    return Records(_parquet_batches(opened, name, present, flat), documents=not flat)


def _first(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def _parquet_batches(
    opened: pa.parquet.ParquetFile, name: str, columns: list[str], flat: bool
) -> Iterator[pa.Table]:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    row = 1
    try:
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            connection.register("batch", pa.Table.from_batches([batch]))
            if flat:
                listed = ", ".join(f"{quoted(item)}::varchar as {quoted(item)}" for item in columns)
                table = connection.execute(f"select {listed} from batch").to_arrow_table()
            else:
                table = connection.execute(
                    "select to_json(batch)::varchar as document from batch"
                ).to_arrow_table()
            yield table.append_column("row", pa.array(range(row, row + table.num_rows), pa.int64()))
            row += table.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(
            name, f"after row {row - 1}", str(error).splitlines()[0], "Have it delivered again"
        ) from error
    finally:
        connection.close()


def quoted(name: str) -> str:
    """A name as an SQL identifier: quotes doubled, so that no field name can be anything else."""
    return '"' + name.replace('"', '""') + '"'
