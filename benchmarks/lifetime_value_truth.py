"""Are the simulated company's forecasts calibrated against its customers' true remaining lifetimes?

Simulates a company, runs a whole night over its exports, and holds the published forecasts against
the truth that the simulation wrote beside the exports and no pipeline sees: the expected orders of
the next year under every customer's true rate and chance to leave, and the orders that were drawn.
Prints ten groups by forecast and draws docs/pictures/lifetime_value_truth.svg.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.lifetime_value_pictures import PICTURES, write_picture

CUSTOMERS, DAYS = 2000, 180

# Customers are found by their orders: the truth names the person behind each.
COMPARISON = """
    with truth as (
        select person_id, expected_orders_365d as true_orders, orders_next_365d as drawn_orders
        from read_csv($lifetimes)
    ),
    people as (
        select distinct documents.person_id, orders.customer_id
        from read_csv($orders, all_varchar = true) as documents
        inner join orders on documents.source = orders.source
            and documents.order_id = orders.order_id
        where orders.customer_id is not null
    ),
    single as (
        select customer_id, any_value(person_id) as person_id
        from people group by customer_id having count(*) = 1
    ),
    compared as (
        select expected_orders_365d as forecast, true_orders, drawn_orders,
            ntile(10) over (order by expected_orders_365d, customer_id) as decile
        from customer_lifetime_values
        inner join single using (customer_id)
        inner join truth using (person_id)
        where expected_orders_365d is not null
    )
    select decile, count(*), avg(forecast), avg(true_orders), avg(drawn_orders)
    from compared group by decile order by decile
"""

Deciles = list[tuple[int, int, float, float, float]]


def compare(release: Path, truth: Path) -> Deciles:
    """Per tenth of customers, by forecast: customers, mean forecast, mean true expectation, and
    mean of the orders drawn, all of the next 365 days.
    """
    with duckdb.connect(str(release / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(
            COMPARISON,
            {
                "lifetimes": str(truth / "true_remaining_lifetime.csv"),
                "orders": str(truth / "orders.csv"),
            },
        ).fetchall()


def main(_: list[str]) -> None:
    """Simulate, run the night, print and draw."""
    with tempfile.TemporaryDirectory() as folder:
        exports, home = Path(folder) / "exports", Path(folder) / "home"
        _rapport("simulate", exports, "--customers", CUSTOMERS, "--days", DAYS)
        _rapport("run", "--home", home, "--exports", exports)
        deciles = compare((home / "published" / "current").resolve(), Path(f"{exports}_truth"))
    print("decile customers forecast     true    drawn  (orders in 365 days)")
    for decile, count, forecast, true, drawn in deciles:
        print(f"{decile:6} {count:9} {forecast:8.3f} {true:8.3f} {drawn:8.3f}")
    total = [sum(row[1] * row[place] for row in deciles) for place in (2, 3, 4)]
    print(
        f"in total forecast {total[0]:.0f}, true expectation {total[1]:.0f}, drawn {total[2]:.0f}"
    )
    write_picture(
        PICTURES / "lifetime_value_truth.svg",
        [([(row[2], row[3]) for row in deciles], "orders in 365 days: forecast and truth")],
    )


def _rapport(*arguments: object) -> None:
    command = [sys.executable, "-m", "rapport.cli", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1:])
