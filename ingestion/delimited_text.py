"""Delimited text (CSV, TSV): records by column name, as text.

A file that follows RFC 4180 to the letter goes through Arrow's reader. Any other goes, record by
record, through the standard library's: a record with too few or too many fields, or with text after
a closing quote, is given as a fault with its line, and the records around it stay. A quote that
never closes fails the file, since the file may be cut.
"""

from __future__ import annotations

import csv
import itertools
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from ingestion.landing import UnreadableFile
from ingestion.preflight import (
    MAX_FIELD_BYTES,
    check_fields,
    csv_header,
    csv_reader,
    quotes_are_regular,
)
from ingestion.records import Batch, Records
from ingestion.settings import Dialect, FileMapping

BLOCK_BYTES = 8 << 20
_BATCH_ROWS = 50_000


class IrregularText(Exception):
    """A record does not have the header's number of fields: the careful reader must say which and
    where.
    """


def read_delimited(path: Path, name: str, mapping: FileMapping, careful: bool) -> Records:
    """The records of a UTF-8 file without byte order mark.

    Unless ``careful``, the batches may raise IrregularText at any point: read again, carefully.
    """
    dialect = mapping.dialect
    header = [unicodedata.normalize("NFC", item) for item in csv_header(path, name, dialect)]
    places = {
        field: header.index(normal)
        for field in mapping.fields()
        if (normal := unicodedata.normalize("NFC", field)) in header
    }
    check_fields(name, header, places, mapping)
    if careful or not quotes_are_regular(path, dialect):
        batches = _careful_batches(path, name, dialect, len(header), places)
        return Records(batches, tuple(header))
    batches = _regular_batches(path, dialect, len(header), places)
    return Records(batches, tuple(header), _line_finder(path, name, dialect))


def _regular_batches(
    path: Path, dialect: Dialect, width: int, places: dict[str, int]
) -> Iterator[Batch]:
    # Names by place: the file's own may be empty or doubled where nothing reads them.
    names = [str(place) for place in range(width)]
    wanted = sorted({0, *places.values()})
    try:
        reader = pa.csv.open_csv(
            path,
            # The header is read as a record, so that an empty file and a blank first line are no
            # special cases.
            read_options=pa.csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names),
            parse_options=pa.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                newlines_in_values=bool(dialect.quote),
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[names[place] for place in wanted],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        # Record 0 is the header.
        first = 0
        for batch in reader:
            table = batch.slice(1) if first == 0 and batch.num_rows else batch
            rows = pa.array(range(max(first, 1), first + batch.num_rows), pa.int64())
            texts = {field: table[names[place]] for field, place in places.items()}
            yield Batch(rows=rows, lines=None, faults=None, texts=texts)
            first += batch.num_rows
    except pa.ArrowInvalid as error:
        raise IrregularText(str(error)) from error


def _careful_batches(
    path: Path, name: str, dialect: Dialect, width: int, places: dict[str, int]
) -> Iterator[Batch]:
    numbered = enumerate(_records(path, name, dialect))
    next(numbered, None)
    while chunk := list(itertools.islice(numbered, _BATCH_ROWS)):
        faults = [_fault(record, width) for _, (_, record) in chunk]
        yield Batch(
            rows=pa.array([row for row, _ in chunk], pa.int64()),
            lines=pa.array([line for _, (line, _) in chunk], pa.int64()),
            faults=pa.array(faults, pa.string()),
            texts={
                field: pa.array(
                    [
                        None if fault else record[place]
                        for (_, (_, record)), fault in zip(chunk, faults, strict=True)
                    ],
                    pa.string(),
                )
                for field, place in places.items()
            },
        )


def _fault(record: list[str] | str, width: int) -> str | None:
    if isinstance(record, str):
        return record
    if len(record) != width:
        return f"{len(record)} fields where the header has {width}"
    return None


def _records(path: Path, name: str, dialect: Dialect) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and fields of every record that is not blank; a text instead of fields says what
    is wrong.

    After text behind a closing quote the reading goes on at the next line: the quote that opened
    too early would otherwise swallow good records.
    """
    with path.open(encoding="utf-8", newline="") as opened:
        again: deque[str] = deque()
        taken: list[str] = []

        def lines() -> Iterator[str]:
            while line := again.popleft() if again else opened.readline():
                taken.append(line)
                yield line

        number = 1
        reader = csv_reader(lines(), dialect, strict=True)
        while True:
            taken.clear()
            try:
                record: list[str] | str = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "expected after" not in str(error):
                    raise _unclosed(name, number, error) from error
                record = "text after a closing quote"
                again.extendleft(reversed(taken[1:]))
                del taken[1:]
                reader = csv_reader(lines(), dialect, strict=True)
            if record:
                yield number, record
            number += len(taken)


def _unclosed(name: str, line: int, error: csv.Error) -> UnreadableFile:
    if "unexpected end" in str(error):
        return UnreadableFile(
            name,
            f"line {line}",
            "a quote opens here and never closes",
            "The file may be cut; have it delivered again, or declare dialect.quote",
        )
    return UnreadableFile(
        name,
        f"line {line}",
        f"a field is over {MAX_FIELD_BYTES >> 20} MiB",
        "Check dialect.quote and dialect.delimiter, or have it delivered again",
    )


def _line_finder(
    path: Path, name: str, dialect: Dialect
) -> Callable[[Sequence[int]], list[int | None]]:
    """The physical lines of records, which differ from their numbers where fields hold newlines.

    To be asked for ascending records: the file is read once, and only if anybody asks.
    """
    numbered = ((row, line) for row, (line, _) in enumerate(_records(path, name, dialect)))

    def find(rows: Sequence[int]) -> list[int | None]:
        return [next((line for row, line in numbered if row == wanted), None) for wanted in rows]

    return find
