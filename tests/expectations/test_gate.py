"""What a gate does with its suites: through Great Expectations, on files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from expectations import gate
from expectations.engine import outcome, raised
from expectations.gate import Columns, GateClosed, GateReport, validate
from expectations.suite import (
    FOLDER,
    LAYERS,
    NO_ROWS,
    Expectation,
    Suite,
    SuiteRefused,
    read_suites,
)
from ingestion.contract import load_contracts
from tests.expectations import breakages

ROOT = Path(__file__).parents[2]
RUN_TABLES = {"run_parameters", "sources", "deliveries", "delivery_amounts"}

Break = Callable[[str], Path]


def table_names(layer: str) -> list[str]:
    """Tables of a layer that must have a suite."""
    if layer == "raw":
        return sorted({*load_contracts(), *RUN_TABLES})
    return sorted(path.stem for path in (FOLDER / layer).glob("*.yml"))


SUITES = [f"{layer}.{table}" for layer in LAYERS for table in table_names(layer)]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_sound_layer_opens_the_gate_after_checking_everything(
    sound: Path, suites: dict[str, Suite], layer: str
) -> None:
    report = validate(sound, layer)
    assert list(report.checked) == [
        f"{layer}.{table}.{expectation.name}"
        for table in sorted(table_names(layer))
        for expectation in suites[f"{layer}.{table}"].expectations
    ]
    assert report.is_open
    assert report.failures == ()
    assert report.warnings == ()


def emptying(suite: Suite, columns: Columns) -> tuple[str, str]:
    """The expectation that guards the rows of a suite's table, and the case that empties it."""
    [guard] = [item.name for item in suite.expectations if item.watches_rows()]
    sql = dict(breakages.of_suite(suite, columns[suite.name]))[guard]
    assert f"delete from {suite.name}" in sql, "the case empties the table"
    return guard, sql


@pytest.fixture(scope="module")
def emptied(
    sound: Path,
    suites: dict[str, Suite],
    columns: Columns,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, GateReport]:
    """Reports of gates whose tables were all emptied, of tables that do not look at each other."""
    reports = {}
    for layer in ("raw", "staging"):
        together = [s for s in suites.values() if s.layer == layer and s.table not in RUN_TABLES]
        path = tmp_path_factory.mktemp(layer) / "warehouse.duckdb"
        shutil.copyfile(sound, path)
        with duckdb.connect(str(path)) as connection:
            for suite in together:
                connection.execute(emptying(suite, columns)[1])
        with pytest.raises(GateClosed) as closed:
            validate(path, layer, together)
        reports |= {suite.name: closed.value.report for suite in together}
    return reports


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_closes_when_its_table_is_emptied(
    suites: dict[str, Suite],
    columns: Columns,
    emptied: dict[str, GateReport],
    broken: Break,
    name: str,
) -> None:
    guard, sql = emptying(suites[name], columns)
    report = emptied.get(name)
    if report is None:
        with pytest.raises(GateClosed) as closed:
            validate(broken(sql), suites[name].layer, [suites[name]])
        report = closed.value.report
    assert (name, guard) in {(item.table, item.expectation) for item in report.failures}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_suite_closes_when_a_column_is_lost(
    suites: dict[str, Suite], broken: Break, layer: str
) -> None:
    lost = {}
    for suite in suites.values():
        columns = suite.expectations[0].kwargs["column_set"]
        if suite.layer == layer:
            # Best one that no query reads: each query that cannot run costs GX seconds.
            lost[suite.name] = "source_zone" if "source_zone" in columns else columns[-1]
    path = broken("; ".join(f"alter table {name} drop column {lost[name]}" for name in lost))
    with pytest.raises(GateClosed) as closed:
        validate(path, layer)
    found = {
        item.table: item.observed
        for item in closed.value.report.failures
        if item.expectation.startswith("columns_are")
    }
    assert found == {name: f"missing columns: {column}" for name, column in lost.items()}


def test_gx_finds_what_the_queries_find(
    suites: dict[str, Suite], columns: Columns, broken: Break
) -> None:
    """All breakages of one table at once, through GX."""
    suite = suites["raw.generic_payments"]
    # These would hide others: no column, no row, the same number of rows, no currency to compare.
    hiding = {
        "columns_are_the_contract",
        "every_source_that_delivered_has_rows",
        "rows_are_those_of_the_ledger",
    }
    cases = [
        sql
        for name, sql in breakages.of_suite(suite, columns[suite.name])
        if name not in hiding and "currency = null" not in sql
    ]
    path = broken(
        "; ".join(sql.replace("rowid = 0", f"rowid = {row}") for row, sql in enumerate(cases))
    )
    with pytest.raises(GateClosed) as closed:
        validate(path, "raw", [suite])
    report = closed.value.report
    found = {item.expectation for item in (*report.failures, *report.warnings)}
    assert found >= {item.name for item in suite.expectations} - hiding
    assert {item.expectation for item in report.warnings} == {"descriptions_stay_filled"}


SMALL = Suite(
    "raw",
    "sources",
    (
        Expectation(
            "columns",
            "expect_table_columns_to_match_set",
            "critical",
            "Read by name.",
            {"column_set": ["source"], "exact_match": False},
        ),
        Expectation(
            "rows", "expect_table_row_count_to_be_between", "critical", "-", {"min_value": 1}
        ),
        Expectation(
            "vendor_is_known",
            NO_ROWS,
            "warning",
            "A source without a vendor is read by nobody.",
            {"query": "select source from {batch} where vendor is null"},
        ),
    ),
)


def test_a_failed_warning_is_told_and_the_gate_stays_open(broken: Break) -> None:
    report = validate(broken("update raw.sources set vendor = null"), "raw", [SMALL])
    assert report.is_open
    [warning] = report.warnings
    assert (warning.expectation, warning.observed) == ("vendor_is_known", "1 row")
    assert warning.rows == ({"source": "shop_no"},)


def test_a_column_lost_under_a_warning_closes_the_gate(broken: Break) -> None:
    """GX says of such a warning that it failed, with the exception one level down."""
    with pytest.raises(GateClosed) as closed:
        validate(broken("alter table raw.sources drop column vendor"), "raw", [SMALL])
    [failure] = closed.value.report.failures
    assert failure.expectation == "vendor_is_known"
    assert failure.severity == "critical"
    assert failure.observed.startswith("could not run: ")
    assert "vendor" in failure.observed


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"raised_exception": False, "exception_message": None}, None),
        ({"raised_exception": True, "exception_message": "at the top"}, "at the top"),
        ({"metric 1": {"raised_exception": True, "exception_message": "below"}}, "below"),
        (
            {
                "metric 1": {"raised_exception": False},
                "metric 2": {"raised_exception": True, "exception_message": None},
            },
            "an exception without a message",
        ),
        (None, None),
    ],
)
def test_an_exception_is_found_wherever_gx_puts_it(info: object, message: str | None) -> None:
    assert raised(info) == message


def test_an_expectation_without_a_result_could_not_run() -> None:
    found = outcome(SMALL.expectations[0], None)
    assert not found.passed
    assert found.fault == "GX returned no result for it"


def test_a_missing_table_closes_the_gate_once_with_its_name(broken: Break) -> None:
    with pytest.raises(GateClosed) as closed:
        validate(broken("drop table raw.sources"), "raw", [SMALL])
    [failure] = closed.value.report.failures
    assert failure.table == "raw.sources"
    assert "table cannot be read" in failure.observed


@pytest.mark.parametrize("layer", ["staging", "marts"])
def test_a_table_without_a_suite_closes_the_gate(broken: Break, layer: str) -> None:
    with pytest.raises(GateClosed) as closed:
        validate(broken(f"create table {layer}.newcomer as select 1 as one"), layer)
    [failure] = closed.value.report.failures
    assert (failure.table, failure.expectation) == (f"{layer}.newcomer", "table_has_a_suite")
    assert failure.next_step == f"Write expectations/{layer}/newcomer.yml."


def test_a_suite_that_could_not_close_is_refused_before_anything_is_checked(sound: Path) -> None:
    with pytest.raises(SuiteRefused, match="an empty suite passes everything"):
        validate(sound, "raw", [SMALL, replace(SMALL, table="deliveries", expectations=())])
    with pytest.raises(SuiteRefused, match="without suites"):
        validate(sound, "raw", [])


def test_a_closed_gate_says_what_where_why_and_what_to_do(
    suites: dict[str, Suite], broken: Break
) -> None:
    path = broken(
        "update raw.deliveries set rows_quarantined = 12, rows_accepted = rows_delivered - 12 "
        "where delivery_id = 'generic_orders-3'"
    )
    with pytest.raises(GateClosed) as closed:
        validate(path, "raw", [suites["raw.deliveries"]])
    text = str(closed.value)
    for said in (
        "Gate raw is closed",
        "raw.deliveries: few_rows_are_quarantined",
        "observed: 1 row",
        "delivery_id generic_orders-3",
        "rows_quarantined 12",
        "More than 5 % rejected is a changed export",
        "`rapport quarantine`",
        "`rapport deliveries reject generic_orders-3`",
    ):
        assert said in text


def test_at_most_five_rows_are_named_and_all_are_counted(
    suites: dict[str, Suite], broken: Break
) -> None:
    path = broken("update raw.generic_orders set currency = 'kr'")
    with pytest.raises(GateClosed) as closed:
        validate(path, "raw", [suites["raw.generic_orders"]])
    [failure] = [
        item
        for item in closed.value.report.failures
        if item.expectation == "currencies_are_iso_codes"
    ]
    assert failure.observed == "400 rows"
    assert len(failure.rows) == 5
    assert set(failure.rows[0]) == {"source", "delivery_id", "delivery_row"}


def test_no_report_and_no_message_repeats_personal_data(
    sound: Path, columns: Columns, tmp_path: Path
) -> None:
    """An address in every text column of raw and marts: some expectation shows what it found."""
    path = tmp_path / "warehouse.duckdb"
    shutil.copyfile(sound, path)
    with duckdb.connect(str(path)) as connection:
        for table, held in columns.items():
            texts = [name for name, kind in held.items() if kind == "VARCHAR"]
            if texts and table.startswith(("raw.generic_orders", "raw.deliveries", "marts.")):
                values = ", ".join(f"\"{name}\" = 'anna@example.org'" for name in texts)
                connection.execute(f"update {table} set {values}")
    for layer in ("raw", "marts"):
        with pytest.raises(GateClosed) as closed:
            validate(path, layer)
        assert "(withheld)" in str(closed.value)
        assert "example.org" not in str(closed.value)
        assert "example.org" not in json.dumps(closed.value.report.as_dict())


def test_the_report_is_plain_json(sound: Path) -> None:
    report = validate(sound, "raw", [SMALL])
    again = json.loads(json.dumps(report.as_dict()))
    assert again["layer"] == "raw"
    assert again["is_open"] is True
    assert again["checked"] == [
        "raw.sources.columns",
        "raw.sources.rows",
        "raw.sources.vendor_is_known",
    ]
    assert again["seconds"] >= 0


def test_a_missing_warehouse_and_an_unknown_layer_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.duckdb does not exist"):
        validate(tmp_path / "nowhere.duckdb", "raw")
    with pytest.raises(ValueError, match="layer 'bronze' is none of raw, staging, marts"):
        validate(tmp_path / "nowhere.duckdb", "bronze")


def test_the_command_ends_with_three_when_the_gate_is_closed(
    sound: Path, broken: Break, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate.main([str(sound), "staging"]) == 0
    assert json.loads(capsys.readouterr().out)["is_open"] is True
    path = broken("delete from staging.stg_run__sources")
    assert gate.main([str(path), "staging"]) == 3
    assert "Gate staging is closed" in capsys.readouterr().err
    assert gate.main([]) == 2


def test_every_model_of_a_guarded_layer_has_a_suite_and_every_suite_its_model() -> None:
    models = {
        layer: {path.stem for path in (ROOT / "dbt_project" / "models" / layer).rglob("*.sql")}
        for layer in ("staging", "marts")
    }
    for layer, names in models.items():
        assert len(names) > 20
        assert set(table_names(layer)) == names


def test_every_mart_suite_names_the_day_of_the_run() -> None:
    for suite in read_suites("marts"):
        assert "as_of" in suite.expectations[0].kwargs["column_set"], suite.name
