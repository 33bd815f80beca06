"""What a source has delivered so far: looked up by content, by name, and by what came last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ingestion.ledger import Delivery

# A path whose last part or folders carry a day: 2026-05-14, 20260514, year=2026/month=05/day=14.
_DAY = re.compile(
    r"(19|20)\d{2}[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])"
    r"|year=\d{4}/month=\d{1,2}/day=\d{1,2}"
)
_ENDINGS = re.compile(r"(\.(csv|tsv|txt|json|ndjson|jsonl|parquet))?(\.gz)?$")


def names_a_day(name: str) -> bool:
    """Does a file's path say which day it is about?"""
    return _DAY.search(name) is not None


def version_key(name: str, provisional: str | None) -> str:
    """The order of files by name: numbers count as numbers, provisional files come before final
    ones.

    Where the last part carries no day, the folders count too. ``orders (1).csv`` comes after
    ``orders.csv``.
    """
    path = PurePosixPath(name.lower())
    ordered = path.name if names_a_day(path.name) else str(path)
    natural = re.sub(r"\d+", lambda digits: digits[0].zfill(20), _ENDINGS.sub("", ordered))
    return ("0" if provisional and provisional in path.name else "1") + natural


class KnownDeliveries:
    """Original deliveries of one source, kept up to date while an ingest adds to them."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._by_content: dict[tuple[str, int, str], Delivery] = {}
        self._by_name: dict[tuple[str, int, str], Delivery] = {}
        self._last: dict[tuple[str, int], Delivery] = {}
        self._first: dict[str, Delivery] = {}
        for delivery in sorted(deliveries, key=lambda item: item.arrival):
            if delivery.status != "duplicate":
                self.add(delivery)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(list(self._by_content.values()))

    def __len__(self) -> int:
        return len(self._by_content)

    def add(self, delivery: Delivery) -> None:
        """Enter a delivery, in the place of an earlier reading of the same content."""
        self._by_content[(delivery.object, delivery.entry, delivery.sha256)] = delivery
        self._first.setdefault(delivery.sha256, delivery)
        by_name = (delivery.object, delivery.entry, delivery.file_name)
        by_mapping = (delivery.object, delivery.entry)
        self._by_name[by_name] = _later(self._by_name.get(by_name), delivery)
        self._last[by_mapping] = _later(self._last.get(by_mapping), delivery)

    def of_content(self, table: str, entry: int, sha256: str) -> Delivery | None:
        """The delivery of exactly these bytes for a mapping."""
        return self._by_content.get((table, entry, sha256))

    def first_of_content(self, sha256: str) -> Delivery | None:
        """The delivery with which these bytes came first, for any mapping."""
        return self._first.get(sha256)

    def newest_of_name(self, table: str, entry: int, file_name: str) -> Delivery | None:
        """The delivery that came last under a name."""
        return self._by_name.get((table, entry, file_name))

    def last(self, table: str, entry: int) -> Delivery | None:
        """The delivery that came last for a mapping."""
        return self._last.get((table, entry))

    def last_arrival(self) -> int:
        """The highest arrival number so far."""
        return max((delivery.arrival for delivery in self._by_content.values()), default=0)


def _later(one: Delivery | None, other: Delivery) -> Delivery:
    return one if one is not None and one.arrival > other.arrival else other
