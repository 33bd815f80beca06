"""Results are right whatever GX does with its connections, and the file is free afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from expectations.dialect import CONNECTION_STRING, NAME
from expectations.engine import open_warehouse, run
from expectations.suite import COLUMN_SET, NO_ROWS, ROW_COUNT, Expectation, Suite

ROWS = 100


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A warehouse with one table, ``raw.numbers``, of 100 rows, and another one of that name."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw; create schema staging")
        connection.execute(f"create table raw.numbers as select range as number from range({ROWS})")
        connection.execute("create table staging.numbers as select 'other' as word")
    return path


def at_least(bound: int) -> Expectation:
    """Fails on the ``ROWS - bound`` rows above the bound."""
    return Expectation(
        f"number_below_{bound}",
        NO_ROWS,
        "critical",
        "made for the test",
        {"query": f"select number from {{batch}} where number >= {bound} order by number"},
    )


def test_many_expectations_in_one_run_each_get_their_own_rows(numbers: Path) -> None:
    expectations = (
        Expectation("columns", COLUMN_SET, "critical", "-", {"column_set": ["number"]}),
        Expectation("rows", ROW_COUNT, "critical", "-", {"min_value": 1, "max_value": ROWS}),
        *(at_least(bound) for bound in range(ROWS // 2, ROWS + 1)),
    )
    with open_warehouse(numbers, "raw") as datasource:
        outcomes = run(datasource, Suite("raw", "numbers", expectations))
    assert [outcome.expectation for outcome in outcomes] == list(expectations)
    assert [outcome.fault for outcome in outcomes] == [None] * len(expectations)
    assert outcomes[0].passed
    assert outcomes[1].passed
    assert outcomes[1].observed == f"{ROWS} rows"
    for bound, outcome in zip(range(ROWS // 2, ROWS + 1), outcomes[2:], strict=True):
        assert outcome.passed == (bound == ROWS)
        assert outcome.observed.split()[0] == str(ROWS - bound)
        assert [row["number"] for row in outcome.rows] == [
            str(number) for number in range(bound, min(ROWS, bound + 5))
        ]


def test_stock_duckdb_engine_loses_the_rows_of_a_returned_connection(numbers: Path) -> None:
    """The reason for the dialect: when this fails, duckdb-engine was cured and it can go."""
    stock = sa.create_engine(f"duckdb:///{numbers}")
    ours = sa.create_engine(
        CONNECTION_STRING, connect_args={"database": str(numbers), "schema": "raw"}
    )
    counts = []
    for engine in (stock, ours):
        with engine.connect() as connection:
            result = connection.execute(sa.text("select number from raw.numbers"))
        counts.append(len(result.fetchall()))
        engine.dispose()
    assert counts == [0, ROWS]


def test_cursors_of_one_connection_do_not_share_their_rows(numbers: Path) -> None:
    engine = sa.create_engine(
        CONNECTION_STRING, connect_args={"database": str(numbers), "schema": "raw"}
    )
    with engine.connect() as connection:
        first = connection.execute(sa.text("select number from numbers order by number"))
        second = connection.execute(sa.text("select 'other' as word"))
        assert first.fetchmany(3) == [(0,), (1,), (2,)]
        assert second.fetchall() == [("other",)]
        assert len(first.fetchall()) == ROWS - 3
    engine.dispose()
    assert engine.dialect.__class__.__module__ == "expectations.dialect"
    assert engine.url.drivername == NAME


def test_another_process_can_write_the_warehouse_right_after_validation(numbers: Path) -> None:
    suite = Suite("raw", "numbers", (at_least(ROWS),))
    with open_warehouse(numbers, "raw") as datasource:
        [outcome] = run(datasource, suite)
    assert outcome.passed
    write = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute('create table raw.written as select 1 as one'); c.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", write, str(numbers)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # And this process, which DuckDB would refuse if a read-only handle were still open.
    with duckdb.connect(str(numbers)) as connection:
        assert connection.execute("select one from raw.written").fetchall() == [(1,)]


def test_the_file_is_free_after_an_expectation_that_cannot_run(numbers: Path) -> None:
    wrong = Expectation("wrong", NO_ROWS, "warning", "-", {"query": "select nothing from {batch}"})
    with open_warehouse(numbers, "raw") as datasource:
        outcomes = run(datasource, Suite("raw", "numbers", (wrong, at_least(50))))
    assert outcomes[0].fault is not None
    assert outcomes[1].observed == "50 rows"
    with duckdb.connect(str(numbers)) as connection:
        connection.execute("create table raw.written as select 1 as one")


def test_a_warehouse_may_lie_under_any_path(numbers: Path, tmp_path: Path) -> None:
    odd = tmp_path / "Å?b #1 $HOME 100%"
    odd.mkdir()
    numbers.rename(odd / "warehouse.duckdb")
    with open_warehouse(odd / "warehouse.duckdb", "raw") as datasource:
        [outcome] = run(datasource, Suite("raw", "numbers", (at_least(ROWS),)))
    assert outcome.passed
