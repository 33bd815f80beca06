"""JSON: records by field path, as text. Lines (NDJSON), or documents: lists, pages, single objects, one after another.

The engine only follows paths (RFC 6901 pointers) in texts that Python cut out; it is never given anything to run. Whole
numbers stay exact at any length, numbers with a fraction to 15 digits.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.field_paths import FieldPath, parse_path
from ingestion.key_lists import VALUE_KINDS, looked_up
from ingestion.landing import UnreadableFile
from ingestion.preflight import MAX_FIELD_BYTES
from ingestion.records import Batch, Records
from ingestion.settings import FileMapping
from ingestion.sql_text import literal

# A document is held in memory as a whole; larger deliveries belong into NDJSON.
MAX_DOCUMENT_BYTES = 256 << 20
_BATCH_CHARACTERS = 8 << 20
_BLANK = " \t\r\n"
# Numbers are kept as they stand: Python would refuse whole numbers of more than 4,300 digits.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)

Numbered = tuple[int, int | None, str]


def is_lines(path: Path) -> bool:
    """Is this NDJSON: does its first line that is not blank hold a whole object, and is there another line?"""
    with path.open(encoding="utf-8", newline="\n") as opened:
        filled = (line for line in _bounded_lines(opened) if line.strip())
        first = next(filled, "")
        if not first.startswith("{"):
            return False
        try:
            _DECODER.decode(first)
        except (ValueError, RecursionError):
            return False
        return next(filled, None) is not None


def read_lines(
    path: Path, name: str, mapping: FileMapping, engine: duckdb.DuckDBPyConnection
) -> Records:
    """NDJSON: one record per line; a line that is no JSON object is a fault of its own."""
    return Records(_batches(_lines(path, name), mapping, engine))


def read_documents(
    path: Path, name: str, mapping: FileMapping, engine: duckdb.DuckDBPyConnection
) -> Records:
    """JSON documents: a list of records, a page that holds the list, or a single record."""
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise UnreadableFile(
            name,
            "whole file",
            f"a JSON document over {MAX_DOCUMENT_BYTES >> 20} MiB",
            "Deliver NDJSON, one record per line",
        )
    text = path.read_text(encoding="utf-8")
    return Records(_batches(_documents(text, name, mapping), mapping, engine))


# --- cutting a file into records


def _bounded_lines(opened: TextIO) -> Iterator[str]:
    while line := opened.readline(MAX_FIELD_BYTES):
        yield line


def _lines(path: Path, name: str) -> Iterator[Numbered]:
    row = 0
    with path.open(encoding="utf-8", newline="\n") as opened:
        for number, line in enumerate(_bounded_lines(opened), 1):
            if len(line) >= MAX_FIELD_BYTES:
                raise UnreadableFile(
                    name,
                    f"line {number}",
                    f"is over {MAX_FIELD_BYTES >> 20} MiB",
                    "Have it delivered with one record per line",
                )
            # Blank lines are none of the vendor's records; the line number is kept beside the record number.
            if stripped := line.strip(_BLANK):
                row += 1
                yield row, number, stripped


def _documents(text: str, name: str, mapping: FileMapping) -> Iterator[Numbered]:
    try:
        for row, (first, last) in enumerate(_spans(text, name, mapping), 1):
            yield row, None, text[first:last]
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            name,
            f"line {error.lineno}, column {error.colno}",
            f"not JSON: {error.msg}",
            "The file may be cut; have it delivered again",
        ) from error
    except RecursionError as error:
        raise UnreadableFile(
            name, "whole file", "nested too deeply to be an export", "Check the export"
        ) from error


def _spans(text: str, name: str, mapping: FileMapping) -> Iterator[tuple[int, int]]:
    """Where the records of a file begin and end."""
    place = _skip(text, 0)
    while place < len(text):
        if text[place] == "[":
            place = yield from _elements(text, place)
        else:
            document, end = _DECODER.raw_decode(text, place)
            start = _records_place(text, place, document, name, mapping)
            if start is None:
                yield place, end
            else:
                yield from _elements(text, start)
            place = end
        place = _skip(text, place)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANK:
        place += 1
    return place


def _elements(text: str, start: int) -> Generator[tuple[int, int], None, int]:
    """Where the elements of the list at ``start`` begin and end; returns where the list ends."""
    place = _skip(text, start + 1)
    while text[place : place + 1] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield place, end
        place = _after_comma(text, end, "]")
    return place + 1


def _members(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Names of the (valid) object at ``start``, each with the place of its value."""
    place = _skip(text, start + 1)
    while text[place] != "}":
        member, end = _DECODER.raw_decode(text, place)
        value = _skip(text, _skip(text, end) + 1)
        yield member, value
        place = _after_comma(text, _DECODER.raw_decode(text, value)[1], "}")


def _after_comma(text: str, end: int, closing: str) -> int:
    """The place of the next element, or of the bracket that closes."""
    place = _skip(text, end)
    if text[place : place + 1] == closing:
        return place
    if text[place : place + 1] != ",":
        raise json.JSONDecodeError(f"expected ',' or {closing!r}", text, place)
    place = _skip(text, place + 1)
    if text[place : place + 1] == closing:
        raise json.JSONDecodeError("nothing after ','", text, place)
    return place


def _records_place(
    text: str, place: int, document: Any, name: str, mapping: FileMapping
) -> int | None:
    """Where a page's list of records begins; None where the object is itself the record."""
    if not isinstance(document, dict):
        raise UnreadableFile(name, "top level", "neither a list nor an object", "Check the export")
    steps = mapping.records.split(".") if mapping.records else []
    inner: Any = document
    for step in steps:
        if not isinstance(inner, dict) or step not in inner:
            break
        inner = inner[step]
        place = next(value for member, value in _members(text, place) if member == step)
    else:
        if isinstance(inner, list) and steps:
            return place
    _check_single(document, name, mapping)
    return None


def _check_single(document: dict[str, Any], name: str, mapping: FileMapping) -> None:
    """An object without the list of records must be a record itself, not an error page or an unknown kind of page."""
    needed = [
        parse_path(path).first
        for column in mapping.contract.columns
        if column.required and column.name in mapping.rules
        for path in mapping.rules[column.name].fields()
    ]
    if not needed or any(field in document for field in needed):
        return
    lists = [field for field, value in document.items() if isinstance(value, list)]
    hint = f"Declare records: {' or '.join(lists)}" if lists else "Check the export"
    expected = f"a list at {mapping.records}" if mapping.records else "a list of records"
    raise UnreadableFile(
        name, "top level", f"neither {expected} nor a record of {mapping.contract.table}", hint
    )


# --- fields of the records


def _batches(
    records: Iterator[Numbered], mapping: FileMapping, engine: duckdb.DuckDBPyConnection
) -> Iterator[Batch]:
    paths = [parse_path(field) for field in mapping.fields()]
    for chunk in _chunks(records):
        documents = pa.array([document for _, _, document in chunk], pa.string())
        faults, texts = _fields(documents, paths, engine)
        yield Batch(
            rows=pa.array([row for row, _, _ in chunk], pa.int64()),
            lines=pa.array([line for _, line, _ in chunk], pa.int64()),
            faults=faults,
            texts=texts,
        )


def _chunks(records: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    chunk: list[Numbered] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record[2])
        if size >= _BATCH_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _fields(
    documents: pa.StringArray, paths: Sequence[FieldPath], engine: duckdb.DuckDBPyConnection
) -> tuple[pa.StringArray, dict[str, pa.StringArray]]:
    """Faults of the documents and the text at each path (nested values as JSON)."""
    plain = [path for path in paths if path.key is None]
    lists = sorted({path.pointer() for path in paths if path.key is not None})
    pointers = ", ".join(literal(path.pointer()) for path in plain)
    columns = [
        "try(json_keys(document)) as names",
        f"try(json_extract_string(document, [{pointers}]::varchar[])) as texts",
        *(
            f"try(from_json(json_extract(document, {literal(pointer)}), "
            f'\'[{{"key": "VARCHAR", "value": "JSON"}}]\')) as list{number}'
            for number, pointer in enumerate(lists)
        ),
    ]
    found = _asked(engine, documents, columns)
    texts = {
        path.text: _element(found["texts"], number, len(plain)) for number, path in enumerate(plain)
    }
    for path in paths:
        if path.key is not None:
            values = looked_up(found[f"list{lists.index(path.pointer())}"], path.key)
            texts[path.text] = _scalar(values, engine)
    return _faults(found["names"]), texts


def _asked(
    engine: duckdb.DuckDBPyConnection, documents: pa.Array, columns: Sequence[str]
) -> dict[str, pa.Array]:
    engine.register("documents", pa.table({"document": documents}))
    found = engine.execute(f"select {', '.join(columns)} from documents").to_arrow_table()
    engine.unregister("documents")
    return {name: found[name].combine_chunks() for name in found.column_names}


def _element(lists: pa.ListArray, number: int, width: int) -> pa.StringArray:
    """Element ``number`` of lists that are null or ``width`` long."""
    if lists.null_count:
        return pc.list_element(lists, number)
    return lists.flatten().take(pa.array(range(number, len(lists) * width, width), pa.int64()))


def _faults(names: pa.ListArray) -> pa.StringArray:
    return pa.array(
        [
            "not JSON"
            if keys is None
            else "not a JSON object"
            if not keys
            else "a field stands there twice"
            if len(set(keys)) < len(keys)
            else None
            for keys in names.to_pylist()
        ],
        pa.string(),
    )


def _scalar(values: pa.StringArray, engine: duckdb.DuckDBPyConnection) -> pa.StringArray:
    """The text in the JSON of a listed value: ``5``, ``"x"``, or ``{"int_value": 5}`` as GA4 has it."""
    kinds = [f"/{kind}" for kind in VALUE_KINDS]
    columns = [
        f"try(json_extract_string(document, {kinds}::varchar[])) as texts",
        "try(json_extract_string(document, '$')) as whole",
        "try(json_type(document)) as kind",
    ]
    found = _asked(engine, values, columns)
    typed = pc.coalesce(*(_element(found["texts"], n, len(kinds)) for n in range(len(kinds))))
    is_plain = pc.not_equal(found["kind"], "OBJECT")
    return pc.coalesce(typed, pc.if_else(is_plain, found["whole"], None))
