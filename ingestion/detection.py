"""Detection: what lies in a folder, recognised by fields that only one vendor's objects have.

Only the first records of a file are looked at. What no vendor is recognised in is compared with the
generic contracts. Nothing is taken in; the proposal is a ``rapport.yml`` that loads as it stands.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import yaml

from ingestion.contract import load_contracts
from ingestion.generic_guess import guessed_columns, guessed_contract
from ingestion.landing import list_files, matches
from ingestion.preflight import ENDINGS, csv_reader
from ingestion.settings import Dialect
from ingestion.source import ObjectExport
from ingestion.sources import ALL

# Enough for a header and several records, little enough for a folder of thousands of files.
_LOOKED_AT = 1 << 18
_RECORDS_LOOKED_AT = 50
_DELIMITERS = (",", ";", "\t", "|")
# What pages of APIs call their list of records.
_PAGES = ("results", "records", "data", "items", "rows", "value", "values", "hits")
_REMARKS = 40


@dataclass(frozen=True)
class Detected:
    """A file and what it seems to be.

    ``fields``: names of its fields, those one level down as ``a.b``. ``records``: where the list of
    records stands in a page. ``vendor``, ``object``: recognised, or None. ``guess``: the raw table
    of the generic contract that its fields resemble, or None. ``reason``: why it could not be
    looked into.
    """

    name: str
    fields: tuple[str, ...] = ()
    delimiter: str = ","
    records: str | None = None
    vendor: str | None = None
    object: str | None = None
    guess: str | None = None
    reason: str = ""

    @property
    def folder(self) -> str:
        """The folder that the file lies in, ``.`` for the one that was searched."""
        return str(PurePosixPath(self.name).parent)


def detect(folder: Path) -> list[Detected]:
    """What every file below ``folder`` is, sorted by path. Raises FileNotFoundError."""
    return [_detected(folder, file.name) for file in list_files(str(folder))]


def proposal(detected: Sequence[Detected]) -> str:
    """A ``rapport.yml`` to start from; its remarks name the files that nothing is proposed for."""
    remarks = [
        "# Proposed by `rapport sources detect`. Set the reporting currency and the company's time",
        "# zone, and look through the columns of generic sources: they are guesses by name.",
        *_left_out(detected),
    ]
    sources = {**_vendor_sources(detected), **_generic_sources(detected)}
    if not sources:
        remarks.append("# Nothing was recognised, so a source has to be named by hand.")
    document = {"reporting_currency": "EUR", "time_zone": "UTC", "sources": sources}
    return "\n".join(remarks) + "\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


# --- looking into a file


def _detected(folder: Path, name: str) -> Detected:
    if not any(name.lower().removesuffix(".gz").endswith(ending) for ending in ENDINGS):
        return Detected(name, reason="its ending tells no format")
    path = folder / name
    try:
        start = _start(path)
        if start.startswith(b"PAR1"):
            fields, delimiter, records = tuple(pa.parquet.read_schema(path).names), ",", None
        else:
            fields, delimiter, records = _look(start.decode("utf-8-sig", errors="replace"))
    except (OSError, EOFError, pa.ArrowException) as error:
        return Detected(name, reason=str(error).splitlines()[0])
    if not fields:
        return Detected(name, reason="no fields found")
    vendor, recognised = _recognised(frozenset(fields))
    guess = None if vendor else guessed_contract(fields)
    return Detected(name, fields, delimiter, records, vendor, recognised, guess)


def _start(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise OSError("not a regular file")
    with path.open("rb") as opened:
        start = opened.read(_LOOKED_AT)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            return unpacked.read(_LOOKED_AT)
    return start


def _look(text: str) -> tuple[tuple[str, ...], str, str | None]:
    """Field names of a text, the delimiter of a table, and where the records of a page stand."""
    documents = _first_documents(text.lstrip())
    if documents:
        records, place = _records(documents)
        return (
            tuple(dict.fromkeys(name for record in records for name in _names(record))),
            ",",
            place,
        )
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    if delimiter not in header or "\0" in header:
        return (), ",", None
    [names] = csv_reader([header], Dialect(delimiter=delimiter))
    return tuple(name.strip() for name in names), delimiter, None


def _first_documents(text: str) -> list[Any]:
    """The first values of a JSON text that may be cut; none where it is no JSON."""
    documents = list(itertools.islice(_documents(text), _RECORDS_LOOKED_AT))
    cut = re.match(r'\s*(?:\{[^\[]*?"(\w+)"\s*:\s*)?\[', text)
    if documents or cut is None:
        return documents
    # Cut within a list, or within the list of a page: the elements before the cut are enough.
    elements = list(itertools.islice(_documents(text[cut.end() :].lstrip()), _RECORDS_LOOKED_AT))
    return [{cut[1]: elements}] if cut[1] else [elements]


def _documents(text: str) -> Iterator[Any]:
    """Whole JSON values one after another, with or without commas between."""
    decoder = json.JSONDecoder()
    place = 0
    while place < len(text) and text[place] in "{[":
        try:
            document, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        yield document
        place += len(text) - place - len(text[place:].lstrip(" \t\r\n,"))


def _records(documents: Sequence[Any]) -> tuple[list[dict[str, Any]], str | None]:
    """The records of lists, of a page that holds a list, or the documents themselves."""
    first = documents[0]
    place = None
    if isinstance(first, dict):
        lists = (name for name in _PAGES if isinstance(first.get(name), list) and first[name])
        place = next(lists, None)
    found = first[place] if place else first if isinstance(first, list) else documents
    return [record for record in found[:_RECORDS_LOOKED_AT] if isinstance(record, dict)], place


def _names(record: Mapping[str, Any]) -> Iterable[str]:
    for name, value in record.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in value)


def _recognised(fields: frozenset[str]) -> tuple[str | None, str | None]:
    """The vendor and object whose signature the fields show, on the top level or one below."""
    names = fields | {name.rpartition(".")[2] for name in fields}
    for vendor in ALL.values():
        for export in vendor.objects:
            if any(names.issuperset(signature) for signature in export.signatures):
                return vendor.name, export.object
    return None, None


# --- proposing sources


def _vendor_sources(detected: Sequence[Detected]) -> dict[str, Any]:
    return {
        vendor: _vendor_source(vendor, detected)
        for vendor in sorted({item.vendor for item in detected if item.vendor})
    }


def _vendor_source(vendor: str, detected: Sequence[Detected]) -> dict[str, Any]:
    """Where a vendor's files lie; and their patterns, where its own would not find just these."""
    files = [item for item in detected if item.vendor == vendor]
    folders = {item.folder for item in files}
    folder = folders.pop() if len(folders) == 1 else "."
    inside = [item for item in detected if folder in (".", item.folder)]
    if all(_finds_its_own(export, vendor, inside) for export in ALL[vendor].objects):
        return {"path": folder}
    kinds = dict.fromkeys(str(item.object) for item in files)
    entries = [
        {
            "contract": f"{vendor}_{kind}",
            "pattern": _patterns([item for item in files if item.object == kind], inside),
        }
        for kind in kinds
    ]
    return {"vendor": vendor, "path": folder, "files": entries}


def _finds_its_own(export: ObjectExport, vendor: str, files: Sequence[Detected]) -> bool:
    """Do the vendor's patterns find the files of the object, and no others?"""
    return all(
        matches(item.name, export.patterns)
        == ((item.vendor, item.object) == (vendor, export.object))
        for item in files
    )


def _generic_sources(detected: Sequence[Detected]) -> dict[str, Any]:
    """One source per folder with files of a guessed contract, one entry per kind of header."""
    sources: dict[str, Any] = {}
    for folder in sorted({item.folder for item in detected if item.guess}):
        inside = [item for item in detected if item.folder == folder]
        alike: dict[tuple[object, ...], list[Detected]] = {}
        for item in inside:
            if item.guess:
                alike.setdefault(
                    (item.guess, item.fields, item.delimiter, item.records), []
                ).append(item)
        entries = [_generic_file(files, inside) for files in alike.values()]
        sources[_source_name(folder, sources)] = {
            "vendor": "generic",
            "path": folder,
            "files": _of_one_version(entries),
        }
    return sources


def _generic_file(files: Sequence[Detected], inside: Sequence[Detected]) -> dict[str, Any]:
    first = files[0]
    dialect = {} if first.delimiter == "," else {"dialect": {"delimiter": first.delimiter}}
    page = {"records": first.records} if first.records else {}
    return {
        "contract": first.guess,
        "pattern": _patterns(files, inside),
        **dialect,
        **page,
        "columns": guessed_columns(str(first.guess), first.fields),
    }


def _of_one_version(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of one contract must say in one way which row of a key is newer."""
    dated = {(entry["contract"], "updated_at" in entry["columns"]) for entry in entries}
    return [
        {**entry, "version": "file_name"}
        if {(entry["contract"], True), (entry["contract"], False)} <= dated
        else entry
        for entry in entries
    ]


def _patterns(files: Sequence[Detected], inside: Sequence[Detected]) -> list[str]:
    """Shell patterns for files, whose numbers may change from night to night.

    Where such a pattern would find another file of the folder, the names as they are.
    """
    names = [re.sub(r"([\[*?])", r"[\1]", PurePosixPath(item.name).name) for item in files]
    patterns = sorted({re.sub(r"\d+([-_.]?\d+)*", "*", name) for name in names})
    found = [item for item in inside if matches(item.name, patterns)]
    return patterns if len(found) == len(files) else names


def _source_name(folder: str, taken: Iterable[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")[:50]
    name = words if re.match("[a-z]", words) else f"exports_{words}".strip("_")
    names = (name, *(f"{name}_{number}" for number in range(2, 10_000)))
    return next(item for item in names if item not in {*taken, *ALL})


def _left_out(detected: Sequence[Detected]) -> list[str]:
    """A remark for every kind of file that nothing is proposed for, up to a screen full."""
    kinds: dict[tuple[str, str], int] = {}
    for item in detected:
        if item.vendor is None and item.guess is None:
            why = item.reason or f"fields {', '.join(item.fields[:6])}"
            kind = (_ascii(re.sub(r"\d+([-_.]?\d+)*", "*", item.name)), _ascii(why)[:90])
            kinds[kind] = kinds.get(kind, 0) + 1
    if not kinds:
        return []
    lines = [
        f"# not recognised: {name} ({why})" + (f", {count} files" if count > 1 else "")
        for (name, why), count in kinds.items()
    ]
    more = [f"# and {len(lines) - _REMARKS} kinds more"] if len(lines) > _REMARKS else []
    generic = ", ".join(table for table in load_contracts() if table.startswith("generic_"))
    way_out = f"They can be mapped to one of {generic}: see docs/mapping.md."
    return [
        *lines[:_REMARKS],
        *more,
        *textwrap.wrap(way_out, 98, initial_indent="# ", subsequent_indent="# "),
    ]


def _ascii(text: str) -> str:
    """On one line whatever the text holds: a remark must stay a remark."""
    return ascii(text)[1:-1]
