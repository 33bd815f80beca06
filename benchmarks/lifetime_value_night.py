"""The lifetime value step of a night with a million customers, backtests and month ends included.

Purchase days lie in a warehouse file as dbt leaves them; the step reads them, chooses the champion,
fits, backtests, scores, and writes its tables into the same file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from benchmarks.measured_process import run
from benchmarks.simulated_customers import DAYS, FIRST_DAY, FOLDER, purchase_days

CUSTOMERS = 1_000_000
ROUNDS = 2

STEP = """
import json, sys, time
from pathlib import Path
from datetime import date, timedelta
import duckdb
from estimation.lifetime_value.night import LifetimeValueSettings
from rapport.lifetime_values import estimate_into
as_of = date.fromisoformat(sys.argv[2]) + timedelta(days=int(sys.argv[3]))
started, cpu = time.perf_counter(), time.process_time()
estimate_into(Path(sys.argv[1]), as_of, LifetimeValueSettings())
with duckdb.connect(sys.argv[1]) as connection:
    rows = connection.execute(
        "select (select count(*) from estimates.lifetime_value_scores), "
        "(select count(*) from estimates.lifetime_value_backtests), "
        "(select count(*) from estimates.lifetime_value_former_scores)"
    ).fetchall()[0]
print(json.dumps({
    "wall": time.perf_counter() - started, "cpu": time.process_time() - cpu, "rows": rows
}))
"""


def main(_: list[str]) -> None:
    """Print every round."""
    warehouse = FOLDER / "night.duckdb"
    if not warehouse.exists():
        path = purchase_days(CUSTOMERS)
        partial = warehouse.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with duckdb.connect(str(partial)) as connection:
            connection.execute("create schema intermediate; create schema estimates")
            connection.execute(
                f"""
                create table intermediate.int_customer_purchase_days as
                select
                    'c' || md5(customer_id::text)[:20] as customer_id, ordered_date,
                    net_value::decimal(18, 4) as net_value, true as is_purchase_day
                from read_parquet('{path}')
                """
            )
        partial.replace(warehouse)
    for _round in range(ROUNDS):
        cost = run(Path(sys.executable), STEP, warehouse, FIRST_DAY, DAYS)
        scores, backtests, former = cost.result["rows"]
        print(
            f"{cost.result['wall']:.1f} s wall, {cost.result['cpu']:.1f} s CPU, "
            f"{cost.peak_megabytes:.0f} MB; {scores} kinds of customers, {backtests} rows of "
            f"quality, {former} at month ends",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
