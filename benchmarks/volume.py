"""Ten million interactions from files to facts, with time and memory of every stage.

Data flow: 108 days of files of 100,000 events each -> raw -> gates -> staging -> facts, all
in one night, in a new home.

Run: ``python -m benchmarks.volume FOLDER [days]``; FOLDER needs some 5 GB.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.event_files import Company, write_days
from benchmarks.nights import STEPS, new_home, night, total

FIRST_DAY = date(2026, 8, 1)
# A day of the company makes 93,000 interactions.
DAYS = 108


def main(arguments: list[str]) -> None:
    """Run the benchmark and print its table."""
    folder, days = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else DAYS
    home, exports = folder / "home_volume", folder / "exports_volume"
    company = Company()
    new_home(home)
    write_days(exports / "company", company, FIRST_DAY, days)
    costs = night(home, exports)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        row = connection.execute("select count(*) from intermediate.int_interactions").fetchone()
    assert row is not None
    print(f"{row[0]:,} interactions")
    for figure in ("cpu_seconds", "seconds"):
        print(f"{figure}: {total(costs, STEPS, figure):,.1f}")
    print(f"peak_mb: {max(cost['peak_mb'] for cost in costs.values()):,.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
