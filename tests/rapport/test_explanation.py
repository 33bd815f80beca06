"""`rapport explain` names the files and counts the rows behind a customer's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from rapport.explanation import ORDERS, RECORDS, origins


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two customers; the first has two web events, an order with two lines, and a payment."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'warehouse.duckdb'}' as warehouse")
        for schema in ("raw", "staging", "intermediate"):
            connection.execute(f"create schema warehouse.{schema}")
        for table, name in RECORDS.values():
            connection.execute(
                f"create table warehouse.{table} (source text, {name} text, delivery_id text)"
            )
        for _, table, _ in ORDERS:
            connection.execute(
                f"create table warehouse.{table} "
                "(source text, order_id text, delivery_id text, id_space text default 'shop')"
            )
        connection.execute(
            """
            create table warehouse.raw.deliveries as
            select * from (values ('d1', 'web_1.csv'), ('d2', 'web_2.csv'), ('d3', 'orders.csv'))
                as deliveries(delivery_id, file_name);
            insert into warehouse.intermediate.int_web_events
            values ('web', 'e1', 'd1'), ('web', 'e2', 'd2'), ('web', 'e3', 'd2'),
                ('other', 'e1', 'd2');
            insert into warehouse.intermediate.int_orders (source, order_id, delivery_id)
            values ('shop', 'o1', 'd3'), ('shop', 'o2', 'd3');
            insert into warehouse.staging.stg_generic__order_lines (source, order_id, delivery_id)
            values ('shop', 'o1', 'd3'), ('shop', 'o1', 'd3'), ('shop', 'o2', 'd3');
            insert into warehouse.staging.stg_generic__payments (source, order_id, delivery_id)
            values ('payment_provider', 'o1', 'd1');
            create table interactions as
            select * from (values
                ('anna', 'web', 'web_event', 'e1'), ('anna', 'web', 'web_event', 'e2'),
                ('bert', 'web', 'web_event', 'e3')
            ) as touches(customer_id, source, record_type, record_id);
            create table orders as
            select * from (values ('anna', 'shop', 'o1'), ('bert', 'shop', 'o2'))
                as documents(customer_id, source, order_id);
            """
        )
        yield connection


def test_every_file_behind_a_customers_numbers_is_named_with_its_rows(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert origins(connection, "anna") == [
        ("order", "orders.csv", 1, "d3"),
        ("order line", "orders.csv", 2, "d3"),
        ("payment", "web_1.csv", 1, "d1"),
        ("web event", "web_1.csv", 1, "d1"),
        ("web event", "web_2.csv", 1, "d2"),
    ]


def test_a_customer_without_records_has_no_files(connection: duckdb.DuckDBPyConnection) -> None:
    assert origins(connection, "nobody") == []
