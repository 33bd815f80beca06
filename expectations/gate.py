"""Gates: validate a layer of the warehouse, and stop the night where a critical expectation fails.

Data flow: suites of the layer -> Great Expectations by SQL -> GateReport, or GateClosed.
Run alone: ``python -m expectations.gate WAREHOUSE LAYER`` prints the report as JSON; a closed gate
ends it with 3.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations import every_mart, every_staging_view
from expectations.delivery_days import day_expectations
from expectations.delivery_sizes import size_expectations
from expectations.raw_suites import raw_suites
from expectations.suite import LAYERS, Expectation, Suite, SuiteRefused, check, read_suites

if TYPE_CHECKING:
    from expectations.engine import Outcome

# DuckDB types by column, by table name with its schema.
Columns = Mapping[str, Mapping[str, str]]

# A broken value may be an address: what a gate says goes to logs and into the release.
_ADDRESS = re.compile(r"\S+@\S+")
_LONGEST_FAULT = 300

NEXT_STEPS = {
    "raw": (
        "`rapport quarantine` shows what was rejected and why. Take the delivery out with `rapport "
        "deliveries reject {delivery}`, or let it in with `rapport deliveries accept {delivery}` "
        "and a reason; then run again."
    ),
    "staging": (
        "The last release stays current. Correct the model "
        "dbt_project/models/staging/*/{table}.sql, then `rapport build`."
    ),
    "marts": (
        "The last release stays current. Look at the rows with `rapport explain`, correct the "
        "models that {table} is made of, then `rapport build`."
    ),
}


@dataclass(frozen=True)
class Finding:
    """An expectation that failed. ``rows`` identify up to five rows that break it."""

    table: str
    expectation: str
    severity: str
    observed: str
    notes: str
    next_step: str
    rows: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class GateReport:
    """The result of one gate.

    ``checked`` names all expectations, ``<layer>.<table>.<expectation>``; ``seconds`` is wall time
    without the import of GX.
    """

    layer: str
    checked: tuple[str, ...]
    failures: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    seconds: float

    @property
    def is_open(self) -> bool:
        """Whether the night may go on."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the report beside the release."""
        return {"is_open": self.is_open, **asdict(self)}


class GateClosed(Exception):
    """At least one critical expectation failed. ``report`` is the whole result."""

    def __init__(self, report: GateReport) -> None:
        super().__init__(describe(report))
        self.report = report


def validate(warehouse: Path, layer: str, suites: Sequence[Suite] | None = None) -> GateReport:
    """Check every table of ``layer`` (raw, staging or marts) in the DuckDB file ``warehouse``.

    ``suites`` replaces the layer's own suites. Raises GateClosed when a critical expectation fails
    or any expectation cannot run, SuiteRefused when a suite could not close, FileNotFoundError
    without a warehouse.
    """
    if layer not in LAYERS:
        raise ValueError(f"layer {layer!r} is none of {', '.join(LAYERS)}")
    if not warehouse.is_file():
        raise FileNotFoundError(f"{warehouse} does not exist; `rapport build` makes it")
    # It says thousands of things about itself in every gate, which take longer to write than the
    # gate takes to check, and among which nobody would find what a night says.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    # Imported here: GX takes seconds to import, which no other command should wait for.
    from expectations.engine import open_warehouse, run

    started = time.perf_counter()
    columns = warehouse_columns(warehouse)
    is_whole_layer = suites is None
    suites = layer_suites(layer, columns) if suites is None else suites
    if not suites:
        raise SuiteRefused(f"{layer}: a layer without suites passes everything")
    for suite in suites:
        check(suite)
    with open_warehouse(warehouse, layer) as datasource:
        outcomes = [(suite, outcome) for suite in suites for outcome in run(datasource, suite)]
    findings = _findings(outcomes)
    if is_whole_layer:
        findings += _unguarded(layer, columns, suites)
    report = GateReport(
        layer=layer,
        checked=tuple(f"{suite.name}.{outcome.expectation.name}" for suite, outcome in outcomes),
        failures=tuple(item for item in findings if item.severity == "critical"),
        warnings=tuple(item for item in findings if item.severity == "warning"),
        seconds=round(time.perf_counter() - started, 3),
    )
    if report.failures:
        raise GateClosed(report)
    return report


def layer_suites(layer: str, columns: Columns) -> list[Suite]:
    """The suites of a layer by table: its files, and what follows from contracts and columns."""
    suites = [_with_additions(suite, columns) for suite in read_suites(layer)]
    if layer == "raw":
        suites += raw_suites()
    return sorted(suites, key=lambda suite: suite.table)


def _with_additions(suite: Suite, columns: Columns) -> Suite:
    own = columns.get(suite.name, {})
    additions: tuple[Expectation, ...] = ()
    if suite.name == "raw.deliveries":
        additions = (*size_expectations(), *day_expectations())
    elif suite.layer == "marts":
        additions = tuple(every_mart.promises_of(suite.table, own, suite.happened))
    elif suite.reads:
        additions = every_staging_view.promises_of(suite.reads, own, columns.get(suite.reads, {}))
    return replace(suite, expectations=(*suite.expectations, *additions))


def warehouse_columns(warehouse: Path) -> Columns:
    """DuckDB types by column, by ``<schema>.<table>``, of all tables and views of the warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and not internal order by all"
        ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def _findings(outcomes: Sequence[tuple[Suite, Outcome]]) -> list[Finding]:
    """What failed. One cause that stopped several expectations of a table is said once."""
    findings: dict[tuple[str, str], Finding] = {}
    for suite, outcome in outcomes:
        if not outcome.passed:
            place = (suite.name, outcome.fault or outcome.expectation.name)
            findings.setdefault(place, _finding(suite, outcome))
    return list(findings.values())


def _finding(suite: Suite, outcome: Outcome) -> Finding:
    expectation = outcome.expectation
    # SQLAlchemy appends the statement to what DuckDB says.
    fault = _clean(outcome.fault.split("[SQL")[0])[:_LONGEST_FAULT] if outcome.fault else None
    return Finding(
        table=suite.name,
        expectation=expectation.name,
        # What could not run has proved nothing, whatever it was meant to be.
        severity="critical" if fault else expectation.severity,
        observed=f"{outcome.observed}: {fault}" if fault else outcome.observed,
        notes=expectation.notes,
        next_step=_next_step(suite, expectation, outcome),
        rows=tuple({name: _clean(value) for name, value in row.items()} for row in outcome.rows),
    )


def _next_step(suite: Suite, expectation: Expectation, outcome: Outcome) -> str:
    deliveries = dict.fromkeys(row["delivery_id"] for row in outcome.rows if "delivery_id" in row)
    text = expectation.next_step or NEXT_STEPS[suite.layer]
    named = _clean(" ".join(deliveries)) or "ID"
    return text.replace("{delivery}", named).replace("{table}", suite.table)


def _unguarded(layer: str, columns: Columns, suites: Sequence[Suite]) -> list[Finding]:
    """Tables that no suite looks at. Raw is complete: its suites come from the contracts."""
    if layer == "raw":
        return []
    guarded = {suite.name for suite in suites}
    return [
        Finding(
            table=table,
            expectation="table_has_a_suite",
            severity="critical",
            observed="no suite",
            notes="A table that passes no gate could be published broken.",
            next_step=f"Write expectations/{table.replace('.', '/')}.yml.",
        )
        for table in columns
        if table.startswith(f"{layer}.") and table not in guarded
    ]


def _clean(text: str) -> str:
    return _ADDRESS.sub("(withheld)", " ".join(text.split()))


def describe(report: GateReport) -> str:
    """The failures of a report as text: what failed, what was seen, where, why, and what to do."""
    count = len(report.failures)
    lines = [
        f"Gate {report.layer} is closed: {count} critical expectation{'s' * (count != 1)} failed."
    ]
    for finding in report.failures:
        lines += [
            f"- {finding.table}: {finding.expectation}",
            f"  observed: {finding.observed}",
            *(f"  row: {_row(row)}" for row in finding.rows),
            f"  why: {finding.notes}",
            f"  next: {finding.next_step}",
        ]
    return "\n".join(lines)


def _row(row: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def main(arguments: Sequence[str]) -> int:
    """Validate from the command line; returns the exit code."""
    if len(arguments) != 2:
        print("usage: python -m expectations.gate WAREHOUSE LAYER", file=sys.stderr)
        return 2
    try:
        report = validate(Path(arguments[0]), arguments[1])
    except GateClosed as closed:
        print(closed, file=sys.stderr)
        return 3
    print(json.dumps(report.as_dict(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
