"""Millions of customers who play BG/NBD's story day by day, for three years and thirty days."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.random import Generator
from numpy.typing import NDArray

TRUTH = {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426}
FIRST_DAY, DAYS, HORIZON = date(2023, 1, 1), 1095, 30
CHUNK = 1_000_000
FOLDER = Path(tempfile.gettempdir()) / "rapport-benchmarks"


def purchase_days(customers: int) -> Path:
    """A Parquet file of customer_id, ordered_date, net_value; made once, then reused."""
    path = FOLDER / f"purchase_days_{customers}.parquet"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        epoch = (FIRST_DAY - date(1970, 1, 1)).days
        with pq.ParquetWriter(partial, _schema(), compression="zstd") as writer:
            for begin in range(0, customers, CHUNK):
                random = np.random.default_rng([7, begin])
                who, when = _play(random, min(CHUNK, customers - begin))
                means = 15.0 / random.gamma(3.7, 1.0, CHUNK)
                value = np.round(random.gamma(6.0, means[who]), 2) + 0.01
                day = pa.array((when + epoch).astype(np.int32)).cast(pa.date32())
                table = pa.table([pa.array(who + begin), day, pa.array(value)], schema=_schema())
                writer.write_table(table)
        partial.replace(path)
    return path


def _schema() -> pa.Schema:
    return pa.schema(
        [("customer_id", pa.int64()), ("ordered_date", pa.date32()), ("net_value", pa.float64())]
    )


def _play(random: Generator, customers: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Customer numbers and distinct purchase days, sorted."""
    first = random.integers(0, DAYS, customers)
    rate = np.maximum(random.gamma(TRUTH["r"], 1 / TRUTH["alpha"], customers), 1e-300)
    leaving = random.beta(TRUTH["a"], TRUTH["b"], customers)
    here, moment = np.arange(customers), first.astype(np.float64)
    who, when = [here], [first]
    while len(here):
        moment = moment + random.exponential(size=len(here)) / rate[here]
        stays = moment <= DAYS + HORIZON
        here, moment = here[stays], moment[stays]
        who.append(here)
        when.append(np.ceil(moment).astype(np.int64))
        stays = random.random(len(here)) >= leaving[here]
        here, moment = here[stays], moment[stays]
    pairs = np.unique(np.concatenate(who) * 4096 + np.concatenate(when))
    return pairs // 4096, pairs % 4096


def summarise(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the tables ``customers`` (x, t_x, T and the orders of the next 30 days) and ``kinds``
    (distinct x, t_x, T with the number of customers).
    """
    connection.execute(
        f"""
        create or replace table customers as
        select
            customer_id,
            count(*) filter (day <= {DAYS}) - 1 as x,
            max(day) filter (day <= {DAYS}) - min(day) as t_x,
            {DAYS} - min(day) as tenure,
            count(*) filter (day > {DAYS}) as next
        from (
            select customer_id, ordered_date - date '{FIRST_DAY}' as day
            from read_parquet('{path}')
        )
        group by customer_id
        having min(day) < {DAYS}
        """
    )
    connection.execute(
        """
        create or replace table kinds as
        select x, t_x, tenure, count(*) as customers, sum(next) as next,
            count(*) filter (next > 0) as buyers
        from customers group by all order by all
        """
    )
