"""Writing files byte for byte the same every time, and keeping the book of what was written."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from isal import igzip


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file: ``delivered_on`` is the day it reached the export folder, ``rows`` its records
    (physical lines for CSV order lines).
    """

    path: str
    source: str
    object: str
    data_date: date
    delivered_on: date
    rows: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A malformed record; ``row`` counts records of the file from 1, ``amount`` in hundredths where
    it can be read.
    """

    source: str
    object: str
    path: str
    row: int
    reason: str
    identifier: str
    currency: str = ""
    amount: int = 0


# An identifier of a person without its source: (person, kind, value in one spelling).
Node = tuple[int, str, str]


def node(person: int, kind: str, value: str) -> Node:
    """The node of an identifier. Kinds are email, contact (HubSpot's id), customer (the shop's
    number), survey_person, anonymous, loyalty and phone.
    """
    if kind == "email":
        value = unicodedata.normalize("NFC", value).strip().lower()
    return person, kind, value


@dataclass
class Book:
    """What the exporters did, for the truth: files, identifiers, malformed records, evidence of
    traps, counts.

    ``counts`` maps (person, signal) to events in the files; ``attributable`` to those that carry an
    identifier of the person, on the row or by a link elsewhere in the files.
    """

    folder: Path
    deliveries: list[Delivery] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    evidence: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    identifiers: dict[tuple[str, str, str, int], tuple[int, int]] = field(default_factory=dict)
    links: set[tuple[Node, Node]] = field(default_factory=set)
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    attributable: Counter[tuple[int, str]] = field(default_factory=Counter)

    def write(
        self, path: str, content: bytes, kind: str, data_date: date, delivered_on: date, rows: int
    ) -> None:
        """Write one export file; gzip where the name says so, without a time stamp inside."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".gz"):
            content = igzip.compress(content, 1, mtime=0)
        target.write_bytes(content)
        source = path.split("/", 1)[0]
        self.deliveries.append(Delivery(path, source, kind, data_date, delivered_on, rows))

    def reject(self, record: Quarantined) -> None:
        """Note a record that no pipeline may accept."""
        self.quarantined.append(record)

    def show(self, trap: str, **facts: object) -> None:
        """Note where a trap lies and what the right answer is."""
        self.evidence.setdefault(trap, []).append(facts)

    def identify(
        self, source: str, kind: str, value: str, person: int, since: int = 0, until: int = 0
    ) -> None:
        """Note an identifier as it stands in a file; 0 is an open end."""
        if value:
            self.identifiers.setdefault((source, kind, value, person), (since, until))

    def link(self, person: int, first: tuple[str, str], *others: tuple[str, str]) -> None:
        """Note that a record of the files names these (kind, value) of a person together."""
        left = node(person, *first)
        for other in others:
            if first[1] and other[1]:
                self.links.add((left, node(person, *other)))

    def count(
        self, person: int, signal: str, events: int = 1, attributable: int | None = None
    ) -> None:
        """Note human, non-repeated events of a person."""
        self.counts[person, signal] += events
        self.attributable[person, signal] += events if attributable is None else attributable


def csv_bytes(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    delimiter: str = ",",
    encoding: str = "utf-8",
    newline: str = "\n",
    bom: bool = False,
) -> bytes:
    """Rows as delimited text, quoted only where needed."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerow(header)
    writer.writerows(rows)
    return (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode(encoding)


def decimal_text(hundredths: int) -> str:
    """``-1234.50``."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def comma_text(hundredths: int) -> str:
    """``1.234,50``, as Norwegian and Indonesian spreadsheets write it."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100:,}".replace(",", ".") + f",{abs(hundredths) % 100:02d}"
