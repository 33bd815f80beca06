"""The lifetime value step between two dbt phases: purchase days out of the warehouse, estimates in.

Data flow: intermediate.int_customer_purchase_days -> estimation.lifetime_value -> estimates.*
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb
import pyarrow as pa

from estimation.lifetime_value import night_tables
from estimation.lifetime_value.night import LifetimeValueSettings, estimate
from estimation.lifetime_value.purchase_days import read

TABLES: dict[str, pa.Schema] = {
    "lifetime_value_scores": night_tables.SCORES,
    "lifetime_value_parameters": night_tables.PARAMETERS,
    "lifetime_value_backtests": night_tables.BACKTESTS,
    "lifetime_value_calibrations": night_tables.CALIBRATIONS,
    "lifetime_value_totals": night_tables.TOTALS,
    "lifetime_value_former_scores": night_tables.FORMER_SCORES,
}

# Numbered customers instead of texts, in the order that the estimation wants.
PURCHASE_DAYS = """
    select
        dense_rank() over (order by customer_id) as customer_id,
        ordered_date,
        cast(net_value as double) as net_value
    from intermediate.int_customer_purchase_days
    where is_purchase_day and ordered_date <= $as_of
    order by customer_id, ordered_date
"""


def create_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that are not there yet, empty: the first dbt phase reads their columns."""
    connection.execute("create schema if not exists estimates")
    for name, schema in TABLES.items():
        empty = schema.empty_table()  # noqa: F841 -- DuckDB finds it by its name
        connection.execute(f"create table if not exists estimates.{name} as select * from empty")


def estimate_into(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: LifetimeValueSettings
) -> None:
    """Replace all tables, in one transaction."""
    days = connection.execute(PURCHASE_DAYS, {"as_of": as_of}).to_arrow_table()
    purchases = read(days)
    del days
    night = estimate(purchases, as_of, settings)
    connection.execute("begin")
    _write(connection, "lifetime_value_scores", [night.scores])
    _write(connection, "lifetime_value_parameters", [night.parameters])
    _write(connection, "lifetime_value_backtests", [night.backtests])
    _write(connection, "lifetime_value_calibrations", [night.calibrations])
    _write(connection, "lifetime_value_totals", [night.totals])
    _write(connection, "lifetime_value_former_scores", night.former)
    connection.execute("commit")


def _write(connection: duckdb.DuckDBPyConnection, name: str, parts: Iterable[pa.Table]) -> None:
    empty = TABLES[name].empty_table()  # noqa: F841 -- DuckDB finds it by its name
    connection.execute(f"create or replace table estimates.{name} as select * from empty")
    for part in parts:  # noqa: B007
        connection.execute(f"insert into estimates.{name} select * from part")
