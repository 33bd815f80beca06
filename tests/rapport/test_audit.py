"""The audit finds any table, row or number in which the nights and a full rebuild differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from rapport.audit import Difference, differences

TABLES = """
    create schema intermediate;
    create schema marts;
    create schema raw;
    create table raw.anything as select 1 as not_compared;
    create table intermediate.int_orders as
    select n::varchar as order_id, (n / 4)::decimal(18, 4) as net_amount, date '2026-05-14' as day
    from range(10) as numbers(n);
    create table intermediate.int_touched_orders (order_id varchar);
    create view intermediate.int_counted as select * from intermediate.int_orders;
    create table marts.customers as
    select 'c' || n as customer_id, n / 7 as score from range(10) as numbers(n);
"""


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[str], list[Difference]]:
    """What the audit finds where ``change`` was done to the rebuilt warehouse."""

    def compare(change: str) -> list[Difference]:
        for name, more in (("nightly", ""), ("rebuilt", change)):
            with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as connection:
                connection.execute(TABLES + more)
        return differences(tmp_path / "nightly.duckdb", tmp_path / "rebuilt.duckdb")

    return compare


@pytest.mark.parametrize(
    "change",
    [
        "",
        # A float that another order of sums gives.
        "update marts.customers set score = score + 1e-12",
        "insert into intermediate.int_touched_orders values ('1')",
        "update raw.anything set not_compared = 2",
        "create or replace table intermediate.int_orders as "
        "select * from intermediate.int_orders order by order_id desc",
    ],
)
def test_equal_warehouses_have_no_difference(
    change: str, compared: Callable[[str], list[Difference]]
) -> None:
    assert compared(change) == []


@pytest.mark.parametrize(
    ("change", "table", "what", "row"),
    [
        (
            "delete from intermediate.int_orders where order_id = '3'",
            "intermediate.int_orders",
            "10 rows nightly, 9 rebuilt",
            "only nightly: ('3', Decimal('0.7500')",
        ),
        (
            "update intermediate.int_orders set net_amount = 0.0001 where order_id = '0'",
            "intermediate.int_orders",
            "10 rows nightly, 10 rebuilt",
            "only rebuilt: ('0', Decimal('0.0001')",
        ),
        (
            "insert into intermediate.int_orders select * from intermediate.int_orders limit 1",
            "intermediate.int_orders",
            "10 rows nightly, 11 rebuilt",
            "only rebuilt: ('0', ",
        ),
        (
            "update marts.customers set score = score + 1e-6 where customer_id = 'c3'",
            "marts.customers",
            "floats differ by more than 1e-9",
            "'c3'",
        ),
        (
            "update marts.customers set score = null where customer_id = 'c3'",
            "marts.customers",
            "floats differ by more than 1e-9",
            "'c3'",
        ),
        ("drop table marts.customers", "marts.customers", "is only in the nightly one", None),
        ("create table marts.more (n int)", "marts.more", "is only in the rebuilt one", None),
        ("alter table marts.customers add more int", "marts.customers", "has other columns", None),
    ],
)
def test_a_difference_names_table_and_rows(
    change: str,
    table: str,
    what: str,
    row: str | None,
    compared: Callable[[str], list[Difference]],
) -> None:
    [found] = compared(change)
    assert (found.table, found.what) == (table, what)
    assert [text for text in found.rows if row and row in text] or row is None
