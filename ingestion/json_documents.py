"""JSON: records by field path, as text. Lines (NDJSON), or documents: lists, pages, single objects,
one after another.

The engine only follows paths (RFC 6901 pointers) in texts that Python cut out; it is never given
anything to run. Whole numbers stay exact at any length, numbers with a fraction to 15 digits. A
field that stands twice in a record is a fault; further down, the first one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pyarrow as pa

from ingestion.field_paths import FieldPath, parse_path
from ingestion.key_lists import VALUE_KINDS, looked_up
from ingestion.landing import UnreadableFile
from ingestion.preflight import MAX_FIELD_BYTES
from ingestion.records import Batch, Records
from ingestion.settings import FileMapping
from ingestion.sql_text import literal

# Opens the engine when it is first asked for.
JsonEngine = Callable[[], duckdb.DuckDBPyConnection]

# A document is held in memory as a whole; larger deliveries belong into NDJSON.
MAX_DOCUMENT_BYTES = 256 << 20
_BATCH_CHARACTERS = 8 << 20
_BLANK = " \t\r\n"
# Numbers are kept as they stand: Python would refuse whole numbers of more than 4,300 digits.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


@dataclass(frozen=True)
class Chunk:
    """Some records as JSON text; ``first_row`` is the number of the first, ``lines`` where they
    stand.
    """

    first_row: int
    lines: list[int] | None
    documents: list[str]


def is_lines(path: Path) -> bool:
    """NDJSON? Does the first line that is not blank hold a whole object, and is there another
    line?
    """
    with path.open(encoding="utf-8", newline="\n") as opened:
        filled = (line for line in _lines(opened) if line.strip(_BLANK))
        first = next(filled, "")
        if not first.startswith("{"):
            return False
        try:
            _DECODER.decode(first)
        except (ValueError, RecursionError):
            return False
        return next(filled, None) is not None


def read_lines(path: Path, name: str, mapping: FileMapping, engine: JsonEngine) -> Records:
    """NDJSON: one record per line; a line that is no JSON object is a fault of its own."""
    return Records(_batches(_line_chunks(path, name), mapping, engine))


def read_documents(path: Path, name: str, mapping: FileMapping, engine: JsonEngine) -> Records:
    """JSON documents: a list of records, a page that holds the list, or a single record."""
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise UnreadableFile(
            name,
            "whole file",
            f"a JSON document over {MAX_DOCUMENT_BYTES >> 20} MiB",
            "Deliver NDJSON, one record per line",
        )
    text = path.read_text(encoding="utf-8")
    return Records(_batches(_document_chunks(text, name, mapping), mapping, engine))


# --- cutting a file into records


def _lines(opened: TextIO) -> Iterator[str]:
    while line := opened.readline(MAX_FIELD_BYTES):
        yield line


def _line_chunks(path: Path, name: str) -> Iterator[Chunk]:
    row, number = 1, 1
    for lines in _blocks_of_lines(path, name):
        # Blank lines are none of the vendor's records; line numbers are kept beside record numbers.
        filled = [(place, line) for place, line in enumerate(lines, number) if line.strip(_BLANK)]
        yield Chunk(row, [place for place, _ in filled], [line for _, line in filled])
        row += len(filled)
        number += len(lines)


def _blocks_of_lines(path: Path, name: str) -> Iterator[list[str]]:
    done = 0
    rest = ""
    with path.open(encoding="utf-8", newline="\n") as opened:
        while block := opened.read(_BATCH_CHARACTERS):
            lines = (rest + block).split("\n")
            rest = lines.pop()
            done += len(lines)
            if len(rest) > MAX_FIELD_BYTES:
                raise UnreadableFile(
                    name,
                    f"line {done + 1}",
                    f"is over {MAX_FIELD_BYTES >> 20} MiB",
                    "Have it delivered with one record per line",
                )
            yield lines
    yield [rest]


def _document_chunks(text: str, name: str, mapping: FileMapping) -> Iterator[Chunk]:
    row = 1
    documents: list[str] = []
    size = 0
    for document in _documents(text, name, mapping):
        documents.append(document)
        size += len(document)
        if size >= _BATCH_CHARACTERS:
            yield Chunk(row, None, documents)
            row += len(documents)
            documents, size = [], 0
    yield Chunk(row, None, documents)


def _documents(text: str, name: str, mapping: FileMapping) -> Iterator[str]:
    try:
        for first, last in _spans(text, name, mapping):
            yield text[first:last]
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
    """An object without the list of records must be a record itself, not an error page or an
    unknown kind of page.
    """
    needed = [
        parse_path(path).first
        for column in mapping.contract.columns
        if mapping.requires(column) and column.name in mapping.rules
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


def _batches(chunks: Iterator[Chunk], mapping: FileMapping, engine: JsonEngine) -> Iterator[Batch]:
    paths = [parse_path(field) for field in mapping.fields()]
    for chunk in chunks:
        faults, texts = _fields(pa.array(chunk.documents, pa.string()), paths, engine)
        rows = range(chunk.first_row, chunk.first_row + len(chunk.documents))
        lines = None if chunk.lines is None else pa.array(chunk.lines, pa.int64())
        yield Batch(pa.array(rows, pa.int64()), lines, faults, texts)


def _fields(
    documents: pa.StringArray, paths: Sequence[FieldPath], engine: JsonEngine
) -> tuple[pa.StringArray, dict[str, pa.StringArray]]:
    """Faults of the documents and the text at each path (nested values as JSON)."""
    plain = [path for path in paths if path.key is None]
    keyed = [path for path in paths if path.key is not None]
    pointers = list(dict.fromkeys(path.pointer() for path in keyed))
    found = _asked(
        engine,
        documents,
        [
            "try(json_keys(document)) as members",
            f"try(json_extract_string(document, {_listed(plain)})) as texts",
            *(
                f"try(from_json(json_extract(document, {pointer}), {_KEY_LIST})) as list{n}"
                for n, pointer in enumerate(map(literal, pointers))
            ),
        ],
        [
            _FAULT,
            *(f"texts[{n}] as text{n}" for n in range(1, len(plain) + 1)),
            *(f"list{n}" for n in range(len(pointers))),
        ],
    )
    texts = {path.text: found[f"text{n}"] for n, path in enumerate(plain, 1)}
    if keyed:
        lists = (found[f"list{pointers.index(path.pointer())}"] for path in keyed)
        values = [
            looked_up(list_, path.key or "") for list_, path in zip(lists, keyed, strict=True)
        ]
        # All keys in one query: planning one costs as much as asking for thousands of values.
        scalars = _scalars(pa.concat_arrays(values), engine)
        size = len(documents)
        texts |= {path.text: scalars[n * size : (n + 1) * size] for n, path in enumerate(keyed)}
    return found["fault"], texts


_KEY_LIST = literal('[{"key": "VARCHAR", "value": "JSON"}]')

_FAULT = """case
    when members is null then 'not JSON'
    when len(members) = 0 then 'not a JSON object with any field'
    when len(list_distinct(members)) < len(members) then 'a field stands there twice'
    end as fault"""


def _listed(paths: Sequence[FieldPath]) -> str:
    return f"[{', '.join(literal(path.pointer()) for path in paths)}]::varchar[]"


def _asked(
    engine: JsonEngine,
    documents: pa.StringArray,
    extracted: Sequence[str],
    wanted: Sequence[str],
) -> dict[str, pa.Array]:
    """``wanted`` of what is ``extracted`` from the documents, each as one array."""
    connection = engine()
    connection.register("documents", pa.table({"document": documents}))
    found = connection.execute(
        f"select {', '.join(wanted)} from (select {', '.join(extracted)} from documents)"
    ).to_arrow_table()
    connection.unregister("documents")
    return {name: found[name].combine_chunks() for name in found.column_names}


def _scalars(values: pa.StringArray, engine: JsonEngine) -> pa.StringArray:
    """The text in the JSON of a listed value: ``5``, ``"x"``, or ``{"int_value": 5}`` as in GA4."""
    kinds = [FieldPath(kind, (kind,)) for kind in VALUE_KINDS]
    typed = ", ".join(f"texts[{n}]" for n in range(1, len(kinds) + 1))
    found = _asked(
        engine,
        values,
        [
            f"try(json_extract_string(document, {_listed(kinds)})) as texts",
            "try(json_extract_string(document, '$')) as whole",
            "try(json_type(document)) as kind",
        ],
        [f"coalesce({typed}, case when kind <> 'OBJECT' then whole end) as text"],
    )
    return found["text"]
