"""The lifetime value step in a warehouse file: what it reads and leaves, and twice the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from estimation.lifetime_value.night import LifetimeValueSettings
from estimation.lifetime_value.purchase_days import date_to_number
from rapport.lifetime_values import TABLES, create_missing, estimate_into
from tests.estimation.lifetime_value.played_customers import play_days

FIRST_DAY, DAYS = date(2026, 1, 1), 200
AS_OF = date(2026, 7, 20)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    who, when = play_days(np.random.default_rng(2), 300, DAYS)
    days = {"who": who, "day": when + date_to_number(FIRST_DAY)}
    with duckdb.connect(str(path)) as connection:
        connection.register("days", pa.table(days))
        connection.execute("create schema intermediate")
        connection.execute(
            """
            create table intermediate.int_customer_purchase_days as
            select 'c' || who as customer_id, date '1970-01-01' + day::integer as ordered_date,
                (10 + who % 7)::decimal(18, 4) as net_value, true as is_purchase_day
            from days
            union all
            select 'returned', date '2026-03-01', -5.0, false
            union all
            select 'tomorrow', date '2026-07-21', 5.0, true
            """
        )
        create_missing(connection)
    return path


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            name: connection.execute(f"select * from estimates.{name} order by all").fetchall()
            for name in TABLES
        }


def test_every_table_is_filled_from_purchases_until_the_day_of_the_run(warehouse: Path) -> None:
    assert set(map(len, contents(warehouse).values())) == {0}
    estimate_into(warehouse, AS_OF, LifetimeValueSettings())
    found = contents(warehouse)
    assert all(found.values())
    place = TABLES["lifetime_value_scores"].names.index("customers")
    assert sum(row[place] for row in found["lifetime_value_scores"]) == 300


def test_a_second_run_leaves_the_same(warehouse: Path) -> None:
    estimate_into(warehouse, AS_OF, LifetimeValueSettings())
    once = contents(warehouse)
    estimate_into(warehouse, AS_OF, LifetimeValueSettings())
    assert contents(warehouse) == once


def test_tables_that_are_there_are_not_emptied(warehouse: Path) -> None:
    estimate_into(warehouse, AS_OF, LifetimeValueSettings())
    once = contents(warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        create_missing(connection)
    assert contents(warehouse) == once


def test_a_table_of_an_earlier_version_gets_the_columns_of_this_one(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("alter table estimates.lifetime_value_scores drop column pace_90d")
        create_missing(connection)
        found = connection.execute("select * from estimates.lifetime_value_scores").description
    assert [column[0] for column in found] == TABLES["lifetime_value_scores"].names
