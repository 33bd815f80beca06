"""Runs suites with Great Expectations by SQL on the warehouse.

Importing this module takes seconds, because importing Great Expectations does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

# Read when Great Expectations is imported: nothing about a company's data is reported to anyone.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import TestConnectionError
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.expectations.core.expect_table_columns_to_match_set import (
    ExpectTableColumnsToMatchSet,
)
from great_expectations.expectations.core.expect_table_row_count_to_be_between import (
    ExpectTableRowCountToBeBetween,
)
from great_expectations.expectations.core.unexpected_rows_expectation import (
    UnexpectedRowsExpectation,
)
from great_expectations.expectations.expectation import Expectation as GxExpectation

from expectations.dialect import CONNECTION_STRING
from expectations.suite import COLUMN_SET, NO_ROWS, ROW_COUNT, Expectation, Suite

SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Outcome:
    """What one expectation found.

    ``rows`` identify up to five rows that break it; ``fault`` says why it could not run.
    """

    expectation: Expectation
    passed: bool
    observed: str
    rows: tuple[dict[str, str], ...] = ()
    fault: str | None = None


class ExpectNoRows(UnexpectedRowsExpectation):
    """GX's unexpected-rows expectation, with count and sample in one query instead of two scans.

    GX also fetches up to 200 rows; here only the sample leaves the database.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        rows = metrics["unexpected_rows_query.table"]
        count = rows[0]["broken_rows"] if rows else 0
        return {
            "success": count == 0,
            "result": {"observed_value": count, "details": {"unexpected_rows": rows}},
        }


@contextmanager
def open_warehouse(warehouse: Path, schema: str) -> Iterator[SQLDatasource]:
    """A read-only GX data source on the tables of ``schema``; closes the file afterwards."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    datasource = context.data_sources.add_sql(  # type: ignore[call-arg]  # its stub lacks kwargs
        name="warehouse",
        connection_string=CONNECTION_STRING,
        create_temp_table=False,
        # Beside the URL, which could not hold every path.
        kwargs={"connect_args": {"database": str(warehouse), "schema": schema}},
    )
    try:
        yield datasource
    finally:
        # GX keeps two engines, each with its own pool, and closes neither.
        datasource.get_execution_engine().close()
        datasource.get_engine().dispose()


def run(datasource: SQLDatasource, suite: Suite) -> list[Outcome]:
    """The outcome of every expectation of a suite, in its order."""
    try:
        asset = datasource.add_table_asset(suite.table)
    except TestConnectionError as error:
        return [
            Outcome(expectation, False, "could not run", fault=f"table cannot be read: {error}")
            for expectation in suite.expectations
        ]
    batch = asset.get_batch(asset.build_batch_request())
    expected = [_to_gx(expectation) for expectation in suite.expectations]
    found = batch.validate(
        ExpectationSuite(name=suite.name, expectations=expected),
        result_format={"result_format": "COMPLETE"},
    )
    results = {_name(result): result for result in found.results}
    return [
        outcome(expectation, results.get(expectation.name)) for expectation in suite.expectations
    ]


def _to_gx(expectation: Expectation) -> GxExpectation:
    common: dict[str, Any] = {
        "severity": expectation.severity,
        "notes": expectation.notes,
        "meta": {"name": expectation.name},
    }
    if expectation.type == COLUMN_SET:
        return ExpectTableColumnsToMatchSet(**expectation.kwargs, **common)
    if expectation.type == ROW_COUNT:
        return ExpectTableRowCountToBeBetween(**expectation.kwargs, **common)
    if expectation.type == NO_ROWS:
        return ExpectNoRows(
            unexpected_rows_query=_counted(str(expectation.kwargs["query"])), **common
        )
    raise ValueError(f"{expectation.name}: type {expectation.type!r} has no GX class")


def _counted(query: str) -> str:
    """``query`` with its number of rows beside a sample; ``{batch}`` alone is a placeholder."""
    braced = query.replace("{", "{{").replace("}", "}}").replace("{{batch}}", "{batch}")
    return (
        f"select count(*) over () as broken_rows, * from (\n{braced}\n) as broken "
        f"limit {SAMPLE_ROWS}"
    )


def _name(result: ExpectationValidationResult) -> str:
    configuration = result.expectation_config
    return str(configuration.meta["name"]) if configuration and configuration.meta else ""


def outcome(expectation: Expectation, result: ExpectationValidationResult | None) -> Outcome:
    """What a GX result says. One that is missing or holds an exception anywhere could not run."""
    if result is None:
        return Outcome(expectation, False, "could not run", fault="GX returned no result for it")
    fault = raised(result.exception_info)
    if fault is not None:
        return Outcome(expectation, False, "could not run", fault=fault)
    return Outcome(
        expectation,
        bool(result.success),
        _observed(expectation, result.result),
        _rows(result.result),
    )


def raised(info: Any) -> str | None:
    """The message of an exception anywhere in GX's exception info; by metric, it lies deeper."""
    if not isinstance(info, Mapping):
        return None
    if info.get("raised_exception"):
        return str(info.get("exception_message") or "an exception without a message")
    return next((message for value in info.values() if (message := raised(value))), None)


def _observed(expectation: Expectation, result: Mapping[str, Any]) -> str:
    if expectation.type == COLUMN_SET:
        mismatched = (result.get("details") or {}).get("mismatched") or {}
        if not expectation.kwargs.get("exact_match", True):
            mismatched = {"missing": mismatched.get("missing", ())}
        parts = [
            f"{kind} columns: {', '.join(names)}" for kind, names in mismatched.items() if names
        ]
        return "; ".join(parts) or "all columns"
    count = result.get("observed_value")
    return f"{count} {'row' if count == 1 else 'rows'}"


def _rows(result: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    rows: Sequence[Mapping[str, Any]] = (result.get("details") or {}).get("unexpected_rows") or ()
    return tuple(
        {name: str(value) for name, value in row.items() if name != "broken_rows"}
        for row in rows[:SAMPLE_ROWS]
    )
