"""Suites: what is expected of one table, read from ``<layer>/<table>.yml`` or made by raw_suites.

A suite file lists expectations. Each has

- ``name``: what holds when it passes, as a snake_case sentence;
- ``type``: a Great Expectations type, or ``expect_no_rows`` with a ``query`` that selects the rows
  which break the rule, by their identifying columns and never by personal data; ``{batch}`` stands
  for the table;
- ``severity``: ``critical`` stops the night, ``warning`` is told;
- ``notes``: why, and for every bound where the number came from and in which month (``2026-11``);
- ``guards: rows`` on the query that closes when the table is emptied; ``next_step`` where the
  layer's is not enough.

A staging suite also says which table the view ``reads``: nothing may be lost between the two. A
mart's suite says when its rows ``happened``: nothing may lie after the day of the run.

A suite that cannot close is refused: every suite has a critical expectation on its columns and one
on its rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
LAYERS = ("raw", "staging", "marts")
SEVERITIES = ("critical", "warning")

COLUMN_SET = "expect_table_columns_to_match_set"
ROW_COUNT = "expect_table_row_count_to_be_between"
NO_ROWS = "expect_no_rows"
TYPES = (COLUMN_SET, ROW_COUNT, NO_ROWS)

_FILE_KEYS = ("expectations", "reads", "happened")
_KEYS = {"name", "type", "kwargs", "severity", "notes", "guards", "next_step"}
_MONTH = re.compile(r"\b20\d\d-(0[1-9]|1[0-2])\b")
# A number that stands alone; 0 and 1 are logic, everything else is a bound.
_NUMBER = re.compile(r"(?<![\w.%])\d+(?:\.\d+)?(?![\w])")


class SuiteRefused(ValueError):
    """A suite could let a broken table pass; the message names it, the cause and the way out."""


@dataclass(frozen=True)
class Expectation:
    """One rule for one table."""

    name: str
    type: str
    severity: str
    notes: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    guards: str | None = None
    next_step: str | None = None

    def watches_columns(self) -> bool:
        """Whether a missing column breaks it."""
        return self.type == COLUMN_SET and bool(self.kwargs.get("column_set"))

    def watches_rows(self) -> bool:
        """Whether an emptied table breaks it."""
        if self.type == ROW_COUNT:
            return int(self.kwargs.get("min_value") or 0) >= 1
        return self.guards == "rows"

    def bounds(self) -> list[str]:
        """The numbers it compares with, other than 0 and 1, as written."""
        text = " ".join(str(value) for key, value in self.kwargs.items() if key != "column_set")
        return [number for number in _NUMBER.findall(text) if float(number) not in (0, 1)]


@dataclass(frozen=True)
class Suite:
    """All expectations of one table."""

    layer: str
    table: str
    expectations: tuple[Expectation, ...]
    reads: str | None = None
    happened: str | None = None

    @property
    def name(self) -> str:
        """``<layer>.<table>``."""
        return f"{self.layer}.{self.table}"


def read_suites(layer: str, folder: Path = FOLDER) -> list[Suite]:
    """The suites written in ``folder/<layer>/*.yml``, by table. Raises SuiteRefused.

    They are not checked yet: the gate adds the expectations that follow from contracts and columns.
    """
    return [read_suite(path, layer) for path in sorted((folder / layer).glob("*.yml"))]


def read_suite(path: Path, layer: str) -> Suite:
    """The suite of one file, unchecked. Raises SuiteRefused where the file is no suite."""
    document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(document, Mapping) or set(document) - set(_FILE_KEYS):
        raise SuiteRefused(f"{path}: may hold the keys {', '.join(_FILE_KEYS)} and no other")
    bodies = document.get("expectations") or []
    return Suite(
        layer,
        path.stem,
        tuple(_expectation(path, body) for body in bodies),
        document.get("reads"),
        document.get("happened"),
    )


def _expectation(path: Path, body: Mapping[str, Any]) -> Expectation:
    name = body.get("name", "without a name")
    unknown = set(body) - _KEYS
    missing = {"name", "type", "severity", "notes"} - set(body)
    if unknown or missing:
        raise SuiteRefused(
            f"{path}, {name}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}"
        )
    return Expectation(
        name=body["name"],
        type=body["type"],
        severity=body["severity"],
        notes=" ".join(str(body["notes"] or "").split()),
        kwargs=body.get("kwargs") or {},
        guards=body.get("guards"),
        next_step=body.get("next_step"),
    )


def check(suite: Suite) -> None:
    """Refuse a suite that is empty, undocumented, or could not close. Raises SuiteRefused."""
    if not suite.expectations:
        raise SuiteRefused(f"{suite.name}: an empty suite passes everything; add expectations")
    names = [expectation.name for expectation in suite.expectations]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SuiteRefused(f"{suite.name}: more than one expectation is called {repeated[0]}")
    for expectation in suite.expectations:
        _check_expectation(suite, expectation)
    critical = [item for item in suite.expectations if item.severity == "critical"]
    if not any(item.watches_columns() for item in critical):
        raise SuiteRefused(f"{suite.name}: no critical {COLUMN_SET}; a lost column would pass")
    watched = {name for item in critical for name in item.kwargs.get("column_set", ())}
    if suite.happened and suite.happened not in watched:
        raise SuiteRefused(
            f"{suite.name}: rows happened at {suite.happened}, which no critical {COLUMN_SET} names"
        )
    if not any(item.watches_rows() for item in critical):
        raise SuiteRefused(
            f"{suite.name}: no critical expectation on rows; an emptied table would pass. Add "
            f"{ROW_COUNT} with min_value 1, or a query with guards: rows"
        )


def _check_expectation(suite: Suite, expectation: Expectation) -> None:
    where = f"{suite.name}, {expectation.name}"
    if expectation.severity not in SEVERITIES:
        raise SuiteRefused(
            f"{where}: severity {expectation.severity!r} is none of {', '.join(SEVERITIES)}"
        )
    if expectation.type not in TYPES:
        raise SuiteRefused(f"{where}: type {expectation.type!r} is none of {', '.join(TYPES)}")
    if expectation.guards not in (None, "rows"):
        raise SuiteRefused(f"{where}: guards {expectation.guards!r}; only rows can be guarded")
    if not expectation.notes:
        raise SuiteRefused(f"{where}: notes are missing; say why the rule holds")
    bounds = expectation.bounds()
    if bounds and not _MONTH.search(expectation.notes):
        raise SuiteRefused(
            f"{where}: the bounds {', '.join(bounds)} need notes that say where they came from and "
            "in which month (2026-11)"
        )
    if expectation.type == NO_ROWS and "{batch}" not in str(expectation.kwargs.get("query")):
        raise SuiteRefused(f"{where}: kwargs.query must read from {{batch}}, the table")
