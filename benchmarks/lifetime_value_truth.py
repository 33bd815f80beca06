"""Are the simulated company's forecasts calibrated against its customers' true remaining lifetimes?

Simulates a company, runs a whole night over its exports, and holds the published forecasts against
the truth that the simulation wrote beside the exports and no pipeline sees: the expected orders of
the next year under every customer's true rate and chance to leave, and the orders that were drawn.
Prints ten groups by forecast and draws docs/pictures/lifetime_value_truth.svg.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.lifetime_value_pictures import PICTURES, write_picture
from publishing.simulated_truth import lifetime_deciles

CUSTOMERS, DAYS = 2000, 180
MEANS = ("forecast", "true_orders", "drawn_orders")

Deciles = Sequence[Mapping[str, Any]]


def compare(release: Path, truth: Path) -> Deciles:
    """See `publishing.simulated_truth.lifetime_deciles`."""
    as_of = json.loads((release / "manifest.json").read_text(encoding="utf-8"))["as_of"]
    with duckdb.connect() as connection:
        return lifetime_deciles(connection, release / "marts", truth, date.fromisoformat(as_of))


def main(_: list[str]) -> None:
    """Simulate, run the night, print and draw."""
    with tempfile.TemporaryDirectory() as folder:
        exports, home = Path(folder) / "exports", Path(folder) / "home"
        _rapport("simulate", exports, "--customers", CUSTOMERS, "--days", DAYS)
        _rapport("run", "--home", home, "--exports", exports)
        deciles = compare((home / "published" / "current").resolve(), Path(f"{exports}_truth"))
    print("decile customers forecast     true    drawn  (orders in 365 days)")
    for row in deciles:
        means = " ".join(f"{row[name]:8.3f}" for name in MEANS)
        print(f"{row['decile']:6} {row['customers']:9} {means}")
    total = [sum(row["customers"] * row[name] for row in deciles) for name in MEANS]
    print(
        f"in total forecast {total[0]:.0f}, true expectation {total[1]:.0f}, drawn {total[2]:.0f}"
    )
    points = [(row["forecast"], row["true_orders"]) for row in deciles]
    write_picture(
        PICTURES / "lifetime_value_truth.svg",
        [(points, "orders in 365 days: forecast and truth")],
    )


def _rapport(*arguments: object) -> None:
    command = [sys.executable, "-m", "rapport.cli", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1:])
