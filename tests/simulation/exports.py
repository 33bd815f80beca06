"""Reading the simulated files in the plainest way: no pipeline code, so that a recount is a second
opinion.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from simulation.company import Summary

Record = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """A company on disk."""

    folder: Path
    truth: Path
    summary: Summary

    def bytes_of(self, path: str) -> bytes:
        """The content of an export file, unzipped."""
        content = (self.folder / path).read_bytes()
        return gzip.decompress(content) if path.endswith(".gz") else content

    def text_of(self, path: str) -> str:
        """The content as text; reviews are written by a Windows program."""
        encoding = "cp1252" if "omtaler" in path else "utf-8-sig"
        return self.bytes_of(path).decode(encoding)

    def paths(self, pattern: str) -> list[str]:
        """Export files that match, in the order of their names."""
        return sorted(
            path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern)
        )

    def rows(self, path: str) -> list[dict[str, str]]:
        """A CSV file as dictionaries."""
        delimiter = ";" if path.startswith("back_office") and not _is_english(path) else ","
        text = io.StringIO(self.text_of(path), newline="")
        return list(csv.DictReader(text, delimiter=delimiter))

    def table(self, pattern: str) -> list[dict[str, str]]:
        """All rows of all files that match."""
        return [row for path in self.paths(pattern) for row in self.rows(path)]

    def records(self, path: str) -> list[Record]:
        """A JSON list, a HubSpot page, NDJSON or Parquet as dictionaries."""
        if path.endswith(".parquet"):
            return [dict(row) for row in pq.read_table(self.folder / path).to_pylist()]
        text = self.text_of(path)
        if "ndjson" in path:
            return [json.loads(line) for line in text.splitlines()]
        body = json.loads(text)
        return list(body["results"] if isinstance(body, dict) else body)

    def truth_rows(self, name: str) -> list[dict[str, str]]:
        """A truth table as dictionaries."""
        text = (self.truth / name).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def truth_json(self, name: str) -> Any:
        """A truth document."""
        return json.loads((self.truth / name).read_text(encoding="utf-8"))

    def evidence(self, key: str) -> list[Record]:
        """What ``traps.json`` says about a trap."""
        return next(
            trap["evidence"] for trap in self.truth_json("traps.json") if trap["key"] == key
        )


def _is_english(path: str) -> bool:
    return "advocates" in path or "checkouts" in path


def shopify_blocks(company: Written) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(order name, rows) of every block, oldest file first; a currency starts a block."""
    for path in company.paths("shopify/*.csv"):
        block: list[dict[str, str]] = []
        for row in company.rows(path):
            if row["Currency"] and block:
                yield block[0]["Name"], block
                block = []
            block.append(row)
        if block:
            yield block[0]["Name"], block


@functools.cache
def web_events(company: Written) -> list[Record]:
    """GA4 events without repeats: equal ones are real inside a file, repeats across files."""
    events: dict[tuple[Any, ...], Record] = {}
    for path in company.paths("ga4/*"):
        seen: Counter[tuple[Any, ...]] = Counter()
        for event in company.records(path):
            if "event_timestamp" not in event:
                continue
            key = (
                event.get("user_pseudo_id"),
                str(event["event_timestamp"]),
                event["event_name"],
                str(event["event_bundle_sequence_id"]),
            )
            seen[key] += 1
            events[(*key, seen[key])] = event
    return list(events.values())


def param(event: Record, key: str) -> str | None:
    """An event parameter as text."""
    for item in event["event_params"]:
        if item["key"] == key:
            return next(str(value) for value in item["value"].values() if value is not None)
    return None


@functools.cache
def mail_events(company: Written) -> list[Record]:
    """SendGrid events without repeats."""
    events: dict[str, Record] = {}
    for path in company.paths("sendgrid/*"):
        for event in company.records(path):
            if "sg_event_id" in event:
                events.setdefault(event["sg_event_id"], event)
    return list(events.values())


def norwegian(text: str) -> Decimal:
    """``1.234,50``."""
    return Decimal(text.replace(".", "").replace(",", "."))
