"""Preflight: is the file whole and what it says it is? Before any parser sees it.

No CSV, JSON or Parquet reader can be trusted with damaged files: some accept a gzip cut at a line end, ignore its
checksum, or map columns by position. So bytes, gzip checksum, encoding and header are checked here.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from isal import igzip

from ingestion.landing import UnreadableFile
from ingestion.settings import Dialect, FileMapping

MAX_BYTES = 64 << 30
# A gzip of real exports shrinks 4 to 60 times; a bomb of zeros 1,000 times. Small files may be as regular as they like.
MAX_RATIO = 300
RATIO_FROM_BYTES = 256 << 20
MAX_HEADER_BYTES = 1 << 20
MAX_COLUMNS = 4096
_CHUNK = 4 << 20


def file_format(name: str, mapping: FileMapping) -> str:
    """csv, json, ndjson or parquet: declared, or by the file's ending."""
    if mapping.format:
        return mapping.format
    stem = name.lower().removesuffix(".gz")
    for ending, kind in (
        (".csv", "csv"),
        (".tsv", "csv"),
        (".txt", "csv"),
        (".json", "json"),
        (".ndjson", "ndjson"),
        (".jsonl", "ndjson"),
        (".parquet", "parquet"),
    ):
        if stem.endswith(ending):
            return kind
    raise UnreadableFile(
        name, "file name", "its ending tells no format", "Declare format: in rapport.yml"
    )


def plain_bytes(path: Path, name: str, staging: Path) -> Path:
    """The file itself, or its gunzipped copy in ``staging``; length and CRC of every gzip member checked."""
    if path.stat().st_size == 0:
        raise UnreadableFile(
            name, "byte 0", "the file is empty (0 bytes)", "Have it delivered again"
        )
    with path.open("rb") as opened:
        magic = opened.read(4)
    if magic[:2] == b"\x1f\x8b":
        return _gunzip(path, name, staging)
    if magic == b"PK\x03\x04":
        raise UnreadableFile(
            name, "byte 0", "a zip archive or Excel workbook", "Deliver CSV, JSON or Parquet"
        )
    return path


def _gunzip(path: Path, name: str, staging: Path) -> Path:
    target = staging / f"{path.name}.plain"
    packed = path.stat().st_size
    written = 0
    try:
        with igzip.open(path, "rb") as source, target.open("wb") as plain:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > MAX_BYTES or (
                    written > RATIO_FROM_BYTES and written > packed * MAX_RATIO
                ):
                    raise UnreadableFile(
                        name,
                        f"after {written} unpacked bytes",
                        f"unpacks to more than {MAX_RATIO} times its size",
                        "If it is really meant, deliver it unpacked",
                    )
                plain.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UnreadableFile(
            name,
            f"after {written} unpacked bytes",
            f"damaged gzip: {error}",
            "Have it delivered again",
        ) from error
    if written == 0:
        raise UnreadableFile(name, "byte 0", "the gzip holds 0 bytes", "Have it delivered again")
    return target


def utf8_text(path: Path, name: str, dialect: Dialect, staging: Path) -> Path:
    """The text as UTF-8 without byte order mark; wrong bytes are an error with their offset."""
    encoding = codecs.lookup(dialect.encoding).name
    with path.open("rb") as opened:
        start = opened.read(4)
        for mark, found in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
            if start.startswith(mark) and not encoding.startswith("utf-16"):
                raise UnreadableFile(
                    name, "byte 0", f"is {found}", f"Declare dialect: {{encoding: {found}}}"
                )
        opened.seek(0)
        has_mark = start.startswith(codecs.BOM_UTF8)
        if encoding in ("utf-8", "ascii") and not has_mark:
            _check_decodes(opened, name, encoding)
            return path
        target = staging / f"{path.name}.utf8"
        _transcode(opened, name, "utf-8-sig" if encoding == "utf-8" else encoding, target)
        return target


def _check_decodes(opened: BinaryIO, name: str, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    for _ in _decoded(opened, name, decoder):
        pass


def _transcode(opened: BinaryIO, name: str, encoding: str, target: Path) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    with target.open("w", encoding="utf-8", newline="") as plain:
        plain.writelines(_decoded(opened, name, decoder))


def _decoded(opened: BinaryIO, name: str, decoder: codecs.IncrementalDecoder) -> Iterable[str]:
    offset = 0
    while True:
        chunk = opened.read(_CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place = offset - pending + error.start
            raise UnreadableFile(
                name,
                f"byte {place}",
                f"not {error.encoding}: {error.reason}",
                "Declare dialect: {encoding: ...} as the file was written",
            ) from error
        if not chunk:
            return
        offset += len(chunk)


def csv_header(path: Path, name: str, dialect: Dialect) -> list[str]:
    """The column names of a delimited file. Raises UnreadableFile for doubled or too many names."""
    with path.open("rb") as opened:
        head = opened.read(MAX_HEADER_BYTES)
    text = io.StringIO(head.decode("utf-8", errors="ignore"), newline="")
    reader = csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote or None)
    names = [item.strip() for item in next(reader, [])]
    if len(head) == MAX_HEADER_BYTES and text.tell() >= len(head) - 1:
        raise UnreadableFile(
            name, "line 1", f"the header is over {MAX_HEADER_BYTES} bytes", "Check the delimiter"
        )
    if len(names) > MAX_COLUMNS:
        raise UnreadableFile(
            name, "line 1", f"{len(names)} columns, over {MAX_COLUMNS}", "Check the delimiter"
        )
    doubled = sorted({item for item in names if item and names.count(item) > 1})
    if doubled:
        raise UnreadableFile(
            name, "line 1", f"columns named twice: {', '.join(doubled)}", "Rename one of each"
        )
    return names


def check_columns(name: str, header: Sequence[str], mapping: FileMapping) -> None:
    """Every required column must have a field in the header; a likely rename or delimiter is named."""
    known = set(header)
    for column in mapping.contract.columns:
        rule = mapping.rules.get(column.name)
        if rule is None or not column.required or rule.constant is not None:
            continue
        wanted = rule.paths or rule.generate
        if rule.computed or known.intersection(wanted):
            continue
        raise UnreadableFile(
            name,
            "line 1",
            f"no column {' or '.join(map(repr, wanted))} for {column.name}",
            _guess(wanted, header, mapping),
        )


def _guess(wanted: Sequence[str], header: Sequence[str], mapping: FileMapping) -> str:
    if len(header) == 1:
        for delimiter in (";", "\t", "|", ","):
            if delimiter in header[0]:
                return f"The file looks delimited by {delimiter!r}: declare dialect.delimiter"
    used = {path for rule in mapping.rules.values() for path in rule.paths}
    new = [item for item in header if item not in used]
    for item in wanted:
        close = difflib.get_close_matches(item, new, n=1, cutoff=0.4)
        if close:
            return f"{close[0]!r} is new and looks like it renamed: map it in rapport.yml"
    return f"The file has: {', '.join(header[:40])}. Map one of them in rapport.yml"


def check_parquet(path: Path, name: str) -> None:
    """Magic bytes at both ends; the pages' checksums are verified while reading."""
    with path.open("rb") as opened:
        start = opened.read(4)
        opened.seek(-4, os.SEEK_END)
        if start != b"PAR1" or opened.read(4) != b"PAR1":
            raise UnreadableFile(
                name, "first or last bytes", "not a whole Parquet file", "Have it delivered again"
            )
