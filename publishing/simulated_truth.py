"""The simulated company's forecasts beside the truth about its customers, for the report.

The simulation writes the truth beside the folder of its exports. Nothing but this picture reads it,
and no company but a simulated one has it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

LIFETIMES = "true_remaining_lifetime.csv"
MARTS = ("customer_lifetime_values", "orders")

# Customers are found by their orders: the truth names the person behind each.
_DECILES = """
    with truth as (
        select person_id, expected_orders_365d as true_orders, orders_next_365d as drawn_orders
        from read_csv($lifetimes) where last_day = $as_of
    ),
    people as (
        select distinct documents.person_id, orders.customer_id
        from read_csv($documents, all_varchar = true) as documents
        inner join read_parquet($orders) as orders
            on documents.source = orders.source and documents.order_id = orders.order_id
        where orders.customer_id is not null
    ),
    single as (
        select customer_id, any_value(person_id) as person_id
        from people group by customer_id having count(*) = 1
    ),
    compared as (
        select expected_orders_365d as forecast, true_orders, drawn_orders,
            ntile(10) over (order by expected_orders_365d, customer_id) as decile
        from read_parquet($customer_lifetime_values)
        inner join single using (customer_id)
        inner join truth using (person_id)
        where expected_orders_365d is not null
    )
    select decile, count(*) as customers, avg(forecast) as forecast,
        avg(true_orders) as true_orders, avg(drawn_orders) as drawn_orders
    from compared group by decile order by decile
"""


def truth_beside(exports: str) -> Path | None:
    """What the simulation wrote beside the exports; None where they are a real company's."""
    truth = Path(f"{exports.rstrip('/')}_truth")
    return truth if "://" not in exports and truth.is_dir() else None


def lifetime_deciles(
    connection: duckdb.DuckDBPyConnection, marts: Path, truth: Path, as_of: dt.date
) -> Sequence[Mapping[str, Any]]:
    """Per tenth of customers, by forecast: how many, and the means of the orders that are forecast
    for the next 365 days, truly expected, and drawn. Empty where ``truth`` knows nothing of the
    days after ``as_of``, or the folder ``marts`` lacks a mart.
    """
    paths = {name: marts / f"{name}.parquet" for name in MARTS}
    paths |= {"lifetimes": truth / LIFETIMES, "documents": truth / "orders.csv"}
    if not all(path.is_file() for path in paths.values()):
        return []
    values = {name: str(path) for name, path in paths.items()} | {"as_of": as_of}
    found: Sequence[Mapping[str, Any]] = (
        connection.execute(_DECILES, values).to_arrow_table().to_pylist()
    )
    return found
