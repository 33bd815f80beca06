"""Preflight: is the file whole and what it says it is? Before any parser sees it.

No CSV, JSON or Parquet reader can be trusted with damaged files: some accept a gzip cut at a line
end, ignore its checksum, or map columns by position. So bytes, gzip checksum, encoding, header and
quotes are checked here. What nothing can find is a plain text file cut exactly at a line end.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import os
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from isal import igzip, isal_zlib

from ingestion.landing import UnreadableFile
from ingestion.settings import Dialect, FileMapping

MAX_BYTES = 64 << 30
# A gzip of real exports shrinks 4 to 60 times; a bomb of zeros 1,000 times. Small files may be as
# regular as they like.
MAX_RATIO = 300
RATIO_FROM_BYTES = 256 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_COLUMNS = 4096
# Longer than any field of a real export; beyond it a quote that never closes is the likelier cause.
MAX_FIELD_BYTES = 32 << 20
_CHUNK = 4 << 20

# Names in an error message are cut to this length, a message to this many names.
_NAME_LENGTH = 60
_NAMES_SHOWN = 40

# The standard library's limit of 128 KiB would refuse fields that are merely long.
csv.field_size_limit(MAX_FIELD_BYTES)

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}

_DAMAGED_GZIP: tuple[type[Exception], ...] = (
    igzip.BadGzipFile,
    EOFError,
    zlib.error,
    isal_zlib.error,  # type: ignore[assignment]  # its stub takes the class for an instance
)

_FOREIGN = {
    b"PK\x03\x04": "a zip archive or Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zX": "compressed with xz",
    b"BZh": "compressed with bzip2",
    b"%PDF": "a PDF",
}

# UTF-32 first: its mark begins like the one of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)


def file_format(name: str, mapping: FileMapping) -> str:
    """csv, json, ndjson or parquet: declared, or by the file's ending."""
    if mapping.format:
        return mapping.format
    stem = name.lower().removesuffix(".gz")
    for ending, kind in ENDINGS.items():
        if stem.endswith(ending):
            return kind
    raise UnreadableFile(
        name, "file name", "its ending tells no format", "Declare format: in rapport.yml"
    )


def plain_bytes(path: Path, name: str, staging: Path) -> Path:
    """The file itself, or its gunzipped copy in ``staging``; length and CRC of every gzip member
    checked.
    """
    with path.open("rb") as opened:
        magic = opened.read(4)
    if not magic:
        raise UnreadableFile(
            name, "byte 0", "the file is empty (0 bytes)", "Have it delivered again"
        )
    for mark, what in _FOREIGN.items():
        if magic.startswith(mark):
            raise UnreadableFile(name, "byte 0", f"is {what}", "Deliver CSV, JSON or Parquet")
    return _gunzip(path, name, staging) if magic.startswith(b"\x1f\x8b") else path


def _gunzip(path: Path, name: str, staging: Path) -> Path:
    target = staging / "unpacked"
    packed = path.stat().st_size
    written = 0
    with target.open("wb") as plain:
        for chunk in _gunzipped(path, name):
            written += len(chunk)
            if written > MAX_BYTES or (written > RATIO_FROM_BYTES and written > packed * MAX_RATIO):
                raise UnreadableFile(
                    name,
                    f"after {written} unpacked bytes",
                    f"unpacks to more than {MAX_RATIO} times its size",
                    "If it is really meant, deliver it unpacked",
                )
            plain.write(chunk)
    if written == 0:
        raise UnreadableFile(name, "byte 0", "the gzip holds 0 bytes", "Have it delivered again")
    return target


def _gunzipped(path: Path, name: str) -> Iterator[bytes]:
    """The unpacked bytes; reading alone is guarded, so that a full disk is not called a damaged
    file.
    """
    done = 0
    try:
        # isal has no type hints.
        with igzip.open(path, "rb") as source:  # type: ignore[no-untyped-call]
            while chunk := source.read(_CHUNK):
                yield chunk
                done += len(chunk)
    except _DAMAGED_GZIP as error:
        raise UnreadableFile(
            name,
            f"after {done} unpacked bytes",
            f"damaged gzip, or something else after its end: {error}",
            "Have it delivered again",
        ) from error


def utf8_text(path: Path, name: str, dialect: Dialect, staging: Path) -> Path:
    """The text as UTF-8 without byte order mark; wrong bytes are an error with their offset."""
    declared = codecs.lookup(dialect.encoding).name
    with path.open("rb") as opened:
        start = opened.read(4)
        marked = next((found for mark, found in _MARKS if start.startswith(mark)), None)
        if marked and not declared.startswith(marked):
            raise UnreadableFile(
                name, "byte 0", f"is {marked}", f"Declare dialect: {{encoding: {marked}}}"
            )
        opened.seek(0)
        if declared in ("utf-8", "ascii") and not marked:
            for _ in _decoded(opened, name, declared):
                pass
            return path
        target = staging / "decoded"
        with target.open("w", encoding="utf-8", newline="") as plain:
            texts = _decoded(opened, name, declared)
            # Codecs that fix the byte order (utf-8, utf-16-le) leave the mark in the text.
            plain.write(next(texts).removeprefix("\ufeff"))
            plain.writelines(texts)
        return target


def _decoded(opened: BinaryIO, name: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    while True:
        chunk = opened.read(_CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            at = f"byte {offset - pending + getattr(error, 'start', 0)}"
            raise UnreadableFile(
                name,
                at,
                f"not {encoding}: {getattr(error, 'reason', error)}",
                "Declare dialect: {encoding: ...} as it was written, or have it delivered again",
            ) from error
        if not chunk:
            return
        offset += len(chunk)


def csv_header(path: Path, name: str, dialect: Dialect) -> list[str]:
    """The column names of a delimited file, trimmed. Raises UnreadableFile for too many or too long
    ones.
    """
    with path.open("rb") as opened:
        head = opened.read(MAX_HEADER_BYTES)
    lines = io.StringIO(head.decode("utf-8", errors="ignore"), newline="")
    names = next((record for record in csv_reader(lines, dialect) if record), [])
    if not names:
        raise UnreadableFile(
            name, "line 1", "there is no header, only blank lines", "Have it delivered again"
        )
    if len(head) == MAX_HEADER_BYTES and not lines.read(1):
        raise UnreadableFile(
            name, "line 1", f"the header is over {MAX_HEADER_BYTES} bytes", "Check the delimiter"
        )
    if len(names) > MAX_COLUMNS:
        raise UnreadableFile(
            name, "line 1", f"{len(names)} columns, over {MAX_COLUMNS}", "Check the delimiter"
        )
    if any("\0" in item for item in names):
        raise UnreadableFile(
            name,
            "line 1",
            "NUL bytes in the header, as in UTF-16",
            "Declare dialect: {encoding: utf-16-le}, or have it delivered as UTF-8",
        )
    return [item.strip() for item in names]


def csv_reader(lines: Iterable[str], dialect: Dialect, strict: bool = False) -> Iterator[list[str]]:
    """The standard library's reader; ``strict``: what RFC 4180 does not allow is an error."""
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)


def check_fields(
    name: str, header: Sequence[str], present: Collection[str], mapping: FileMapping
) -> None:
    """Can the mapping be followed with the fields that are ``present``? ``header``: what the file
    has.

    Every required column needs a field, a generated id and a filter all of theirs, and no field may
    stand twice. Raises UnreadableFile that names a likely rename or delimiter.
    """
    counts = Counter(header)
    for field in mapping.fields():
        if counts[field] > 1:
            raise UnreadableFile(
                name, "header", f"column {field!r} stands there twice", "Rename one of the two"
            )
    for column in mapping.contract.columns:
        rule = mapping.rules.get(column.name)
        if rule is None or rule.constant is not None or rule.computed:
            continue
        is_there = any(path in present for path in rule.paths)
        if mapping.requires(column) and rule.paths and not is_there:
            _refuse_missing(name, rule.paths, column.name, header, mapping)
        for path in rule.generate:
            if path not in present:
                _refuse_missing(name, [path], f"the generated {column.name}", header, mapping)
    for condition in mapping.filter:
        if condition.field not in present:
            _refuse_missing(name, [condition.field], "the filter", header, mapping)


def _refuse_missing(
    name: str, wanted: Sequence[str], purpose: str, header: Sequence[str], mapping: FileMapping
) -> None:
    missing = " or ".join(repr(item) for item in wanted)
    raise UnreadableFile(
        name, "header", f"no column {missing} for {purpose}", _guess(wanted, header, mapping)
    )


def _guess(wanted: Sequence[str], header: Sequence[str], mapping: FileMapping) -> str:
    if len(header) == 1:
        for delimiter in (";", "\t", "|", ","):
            if delimiter in header[0]:
                return f"The file looks delimited by {delimiter!r}: declare dialect.delimiter"
    new = [item for item in header if item not in mapping.fields()]
    for item in wanted:
        close = difflib.get_close_matches(item, new, n=1, cutoff=0.4)
        if close:
            return f"{close[0]!r} is new and looks like it renamed: map it in rapport.yml"
    shown = ", ".join(item[:_NAME_LENGTH] for item in header[:_NAMES_SHOWN])
    more = ", …" if len(header) > _NAMES_SHOWN else ""
    return f"The file has: {shown}{more}. Map one of them in rapport.yml"


def quotes_are_regular(path: Path, dialect: Dialect) -> bool:
    """Does every quote stand where RFC 4180 wants it, and does the last one close?

    Opening quotes follow a delimiter or a line's start, closing ones stand before a delimiter or a
    line's end, a quote in a quoted field is doubled. Readers disagree about everything else; see
    delimited_text.py.
    """
    if not dialect.quote:
        return True
    quote = ord(dialect.quote)
    beside = np.zeros(256, bool)
    beside[[quote, ord(dialect.delimiter), ord("\n"), ord("\r")]] = True
    is_open = False
    for before, chunk, after in _with_neighbours(path):
        places = np.flatnonzero(chunk == quote)
        opening = np.arange(len(places)) % 2 == (1 if is_open else 0)
        padded = np.concatenate(([before], chunk, [after]))
        neighbours = np.where(opening, padded[places], padded[places + 2])
        if not beside[neighbours].all():
            return False
        is_open ^= len(places) % 2 == 1
    return not is_open


def _with_neighbours(path: Path) -> Iterator[tuple[int, np.ndarray, int]]:
    """Chunks of a file as byte arrays, with the byte before and the byte after each."""
    newline = ord("\n")
    before = newline
    with path.open("rb") as opened:
        chunk = opened.read(_CHUNK)
        while chunk:
            following = opened.read(_CHUNK)
            after = following[0] if following else newline
            yield before, np.frombuffer(chunk, np.uint8), after
            before, chunk = chunk[-1], following


def check_parquet(path: Path, name: str) -> None:
    """Magic bytes at both ends; the pages' checksums are verified while reading."""
    with path.open("rb") as opened:
        start = opened.read(4)
        opened.seek(-min(4, path.stat().st_size), os.SEEK_END)
        if start != b"PAR1" or opened.read(4) != b"PAR1":
            raise UnreadableFile(
                name, "first or last bytes", "not a whole Parquet file", "Have it delivered again"
            )
