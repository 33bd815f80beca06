"""Ten million customers: recovery of the truth, seconds per fit, and scoring into Parquet.

Customers play BG/NBD's story day by day for three years; both models are fitted to the distinct (x,
t_x, T), the next 30 days are forecast and counted, and all customers are written as Parquet by a
SQL join, in turns with a copy of a table as wide: with MBG/NBD as champion, so that both models
speak for everybody. Every part runs in a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from benchmarks.measured_process import run
from benchmarks.simulated_customers import FOLDER, TRUTH, purchase_days, summarise

CUSTOMERS = 10_000_000
ROUNDS = 5

SUMMARISE = """
import json, sys
import duckdb
connection = duckdb.connect()
rows = connection.execute(
    f"copy (select x, t_x, tenure, count(*) as customers, sum(next) as next, "
    f"count(*) filter (next > 0) as buyers from read_parquet('{sys.argv[1]}') "
    f"group by all order by all) to '{sys.argv[2]}'"
).fetchall()
print(json.dumps(rows[0][0]))
"""

FIT = """
import json, sys, time
import duckdb, numpy as np
from estimation.lifetime_value.fitting import fit
from estimation.lifetime_value.forecasting import forecast
from estimation.lifetime_value.purchase_models import model
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries
with duckdb.connect() as connection:
    found = connection.execute(
        f"select x::double x, t_x::double t_x, tenure::double tenure, customers::double n, "
        f"next::double as next, buyers::double as buyers from read_parquet('{sys.argv[1]}')"
    ).fetchnumpy()
rows = PurchaseSummaries(found["x"], found["t_x"], found["tenure"], found["n"])
cpu = time.process_time()
fitted = fit(model(sys.argv[2]), rows)
cpu = time.process_time() - cpu
future = forecast(fitted, rows, 30.0)
print(json.dumps({
    "cpu": cpu, "parameters": fitted.parameters, "errors": fitted.standard_errors,
    "orders": [float(rows.customers @ future.expected), float(found["next"].sum())],
    "buyers": [float(rows.customers @ future.p_any), float(found["buyers"].sum())],
}))
"""

SCORE = """
import json, sys, time
from datetime import date
import duckdb, numpy as np, pyarrow as pa
from estimation.lifetime_value.fallback import UsableFit
from estimation.lifetime_value.fitting import fit
from estimation.lifetime_value.pace import LAST_GROUP, Paces
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD
from estimation.lifetime_value.scoring import (
    Voices, discounted_orders, orders_of_a_year, score)
from estimation.lifetime_value.forecasting import outlook
from estimation.lifetime_value.predictive_intervals import count_quantiles, money_quantiles
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries
customers, kinds, target, wanted = sys.argv[1:]
connection = duckdb.connect()
found = connection.execute(
    f"select x, t_x, tenure, customers from read_parquet('{kinds}')").fetchnumpy()
columns = [np.asarray(found[name], np.float64) for name in ("x", "t_x", "tenure", "customers")]
rows = PurchaseSummaries(*columns)
fitted = fit(MBG_NBD, rows)
usable = {each.name: UsableFit(fit(each, rows), 0, None) for each in (MBG_NBD, BG_NBD)}
voices = Voices(MBG_NBD.name, usable)
result = {}
if wanted == "intervals":
    spend = SpendFit(6.25, 3.74, 15.44, (0.1, 0.1, 0.1), (), 0.0, 1.0)
    started, cpu = time.perf_counter(), time.process_time()
    count_quantiles(fitted, rows, 365)
    money_quantiles(fitted, spend, rows, 365)
    result = {"wall": time.perf_counter() - started, "cpu": time.process_time() - cpu}
else:
    started, cpu = time.perf_counter(), time.process_time()
    paces = Paces(np.full(LAST_GROUP + 1, 1.1), np.full(LAST_GROUP + 1, 1.1))
    ahead = outlook(voices.fits, rows)
    scored = score(voices, ahead, {30: paces, 90: paces})
    scores = pa.table({
        "x": found["x"], "t_x": found["t_x"], "tenure": found["tenure"],
        "p_alive": scored.futures[30].p_alive, "p_order_30d": scored.futures[30].p_any,
        **{f"expected_orders_{days}d": each.expected for days, each in scored.futures.items()},
        "expected_orders_365d": orders_of_a_year(voices, ahead, scored),
        "discounted_orders": discounted_orders(voices, ahead, 0.1, 1095.75),
    })
    result["cells"] = time.process_time() - cpu
    connection.execute(
        f"copy (select customer_id, p_alive, p_order_30d, expected_orders_30d, "
        f"expected_orders_90d, expected_orders_365d, discounted_orders, "
        f"expected_orders_365d * value as expected_value_365d "
        f"from read_parquet('{customers}') inner join scores using (x, t_x, tenure)) "
        f"to '{target}' (format parquet)"
    ).fetchall()
    result |= {"wall": time.perf_counter() - started, "cpu": time.process_time() - cpu}
print(json.dumps(result))
"""

COPY = """
import json, sys, time
import duckdb
connection = duckdb.connect()
started, cpu = time.perf_counter(), time.process_time()
connection.execute(
    f"copy (select customer_id, p_alive * 1.01 as a, p_order_30d * 1.01 as b, "
    f"expected_orders_30d * 1.01 as c, expected_orders_90d * 1.01 as d, "
    f"expected_orders_365d * 1.01 as e, discounted_orders * 1.01 as f, "
    f"expected_value_365d * 1.01 as g from read_parquet('{sys.argv[1]}')) "
    f"to '{sys.argv[2]}' (format parquet)"
).fetchall()
print(json.dumps({"wall": time.perf_counter() - started, "cpu": time.process_time() - cpu}))
"""


def main(_: list[str]) -> None:
    """Run all parts once, scoring and copying ROUNDS times in turns."""
    python = Path(sys.executable)
    customers, kinds = FOLDER / f"customers_{CUSTOMERS}.parquet", FOLDER / "kinds.parquet"
    if not customers.exists():
        path = purchase_days(CUSTOMERS)
        with duckdb.connect() as connection:
            connection.execute("set preserve_insertion_order = false")
            summarise(connection, path)
            connection.execute(
                f"copy (select *, cast(20 + x as double) as value from customers) to '{customers}'"
            )
    cost = run(python, SUMMARISE, customers, kinds)
    print(
        f"distinct kinds {cost.result}: {cost.cpu_seconds:.1f} s CPU, {cost.peak_megabytes:.0f} MB"
    )
    print(f"truth {TRUTH}")
    for name in ("bg_nbd", "mbg_nbd"):
        cost = run(python, FIT, kinds, name)
        print(
            f"{name}: fit {cost.result['cpu']:.1f} s CPU, {cost.peak_megabytes:.0f} MB; "
            + " ".join(f"{value:.4f}" for value in cost.result["parameters"])
        )
        for what in ("orders", "buyers"):
            expected, actual = cost.result[what]
            print(f"  {what} in 30 days: {expected:.0f} v {actual:.0f} ({expected / actual:.4f})")
    scored, copied = FOLDER / "scored.parquet", FOLDER / "copied.parquet"
    rounds = []
    for _round in range(ROUNDS):
        score = run(python, SCORE, customers, kinds, scored, "scores")
        copy = run(python, COPY, scored, copied)
        print(
            f"scored {score.result['cpu']:.1f} s CPU ({score.result['cells']:.1f} s of it cells), "
            f"{score.result['wall']:.1f} s wall, {score.peak_megabytes:.0f} MB; copied "
            f"{copy.result['cpu']:.1f} s CPU, {copy.result['wall']:.1f} s wall: "
            f"{score.result['cpu'] / copy.result['cpu']:.2f} times the CPU, "
            f"{score.result['wall'] / copy.result['wall']:.2f} times the wall"
        )
        rounds.append((score.result["cpu"], copy.result["cpu"]))
    in_sum = sum(score for score, _ in rounds) / sum(copy for _, copy in rounds)
    print(f"scored in {in_sum:.2f} times the CPU of a copy, all rounds together")
    cost = run(python, SCORE, customers, kinds, scored, "intervals")
    print(f"intervals {cost.result['cpu']:.1f} s CPU, {cost.result['wall']:.1f} s wall")


if __name__ == "__main__":
    main(sys.argv[1:])
