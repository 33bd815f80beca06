"""The lifetime value step between two dbt phases: purchase days out of the warehouse, estimates in.

Data flow: intermediate.int_customer_purchase_days -> estimation.lifetime_value -> estimates.*
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from estimation.lifetime_value import night_tables
from estimation.lifetime_value.night import LifetimeValueEstimates, LifetimeValueSettings, estimate
from estimation.lifetime_value.purchase_days import read

TABLES: dict[str, pa.Schema] = {
    "lifetime_value_scores": night_tables.SCORES,
    "lifetime_value_parameters": night_tables.PARAMETERS,
    "lifetime_value_backtests": night_tables.BACKTESTS,
    "lifetime_value_calibrations": night_tables.CALIBRATIONS,
    "lifetime_value_totals": night_tables.TOTALS,
    "lifetime_value_former_scores": night_tables.FORMER_SCORES,
}

# Beside the estimation's own arrays; beyond it DuckDB goes to disk.
SMALL: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "200MB"}

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
    """Create the tables that are not there yet, or have other columns than this version writes,
    empty: the first dbt phase reads their columns, and each night fills them anew.
    """
    connection.execute("create schema if not exists estimates")
    for name, schema in TABLES.items():
        if _columns(connection, name) == schema.names:
            continue
        empty = schema.empty_table()  # noqa: F841 -- DuckDB finds it by its name
        connection.execute(f"create or replace table estimates.{name} as select * from empty")


def estimate_into(warehouse: Path, as_of: date, settings: LifetimeValueSettings) -> None:
    """Replace all tables of the warehouse file, in one transaction."""
    # Closed before the estimation: DuckDB would hold on to the memory of the query.
    with duckdb.connect(str(warehouse), config=SMALL) as connection:
        purchases = read(connection.execute(PURCHASE_DAYS, {"as_of": as_of}).to_arrow_table())
    night = estimate(purchases, as_of, settings)
    with duckdb.connect(str(warehouse), config=SMALL) as connection:
        _write_all(connection, night)


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The columns of a table in their order; none where there is no such table."""
    rows = connection.execute(
        """
        select column_name from information_schema.columns
        where table_schema = 'estimates' and table_name = ?
        order by ordinal_position
        """,
        [name],
    ).fetchall()
    return [column for (column,) in rows]


def _write_all(connection: duckdb.DuckDBPyConnection, night: LifetimeValueEstimates) -> None:
    connection.execute("begin")
    _write(connection, "lifetime_value_scores", iter([night.scores]))
    _write(connection, "lifetime_value_parameters", iter([night.parameters]))
    _write(connection, "lifetime_value_backtests", iter([night.backtests]))
    _write(connection, "lifetime_value_calibrations", iter([night.calibrations]))
    _write(connection, "lifetime_value_totals", iter([night.totals]))
    _write(connection, "lifetime_value_former_scores", night.former)
    connection.execute("commit")


def _write(connection: duckdb.DuckDBPyConnection, name: str, parts: Iterator[pa.Table]) -> None:
    """The parts one after the other, so that only one of them is in memory."""
    batches = (batch for part in parts for batch in part.to_batches())
    rows = pa.RecordBatchReader.from_batches(TABLES[name], batches)
    connection.register("rows", rows)
    connection.execute(f"create or replace table estimates.{name} as select * from rows")
    connection.unregister("rows")
