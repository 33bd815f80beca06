"""Cost follows new data: the same new days on 30, 90 and 365 days of history.

Data flow: files of a history -> a home with finished facts -> three more days, measured, and a late
one -> the facts compared with those of a full rebuild -> a release of all customers, measured
apart.

Run: ``python -m benchmarks.growth FOLDER [days...]``; FOLDER needs some 15 GB for a year.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import mean

from benchmarks.event_files import Company, write_days, write_late_events
from benchmarks.nights import (
    FACT_STEPS,
    PUBLISHING_STEPS,
    STEPS,
    Cost,
    new_home,
    night,
    total,
)
from ingestion.warehouse import warehouse_path
from rapport.audit import differences, scratch_home

NEW_DAY = date(2026, 12, 1)
# DuckDB rewrites row groups at some checkpoints and not at others: one day says little.
NEW_DAYS = 3
LATE_SHARE, LATEST = 0.01, 40
FIGURES = ("cpu_seconds", "read_mb", "files_opened", "files_of_home_opened")


def history(folder: Path, company: Company, days: int) -> tuple[Path, Path]:
    """A home whose facts are finished up to the day before the new one, and its exports."""
    home, exports = folder / f"home_{days}", folder / f"exports_{days}"
    new_home(home)
    write_days(exports / "company", company, NEW_DAY - timedelta(days=days), days)
    night(home, exports, ("ingest", "load raw", "staging", "facts"))
    return home, exports


def new_day(
    home: Path, exports: Path, company: Company, day: date, late_share: float = 0
) -> dict[str, Cost]:
    """The cost of one more day, step by step."""
    write_days(exports / "company", company, day, 1)
    if late_share:
        write_late_events(exports / "company", company, day, late_share, LATEST)
    return night(home, exports, count_files=True)


def mean_cost(nights: Sequence[dict[str, Cost]]) -> dict[str, Cost]:
    """What a night cost on the average, step by step."""
    return {
        step: {name: mean(night[step][name] for night in nights) for name in cost}
        for step, cost in nights[0].items()
    }


def assert_equal_to_a_rebuild(home: Path, exports: Path) -> None:
    """Make everything anew beside the home, and compare every table."""
    rebuilt = home.with_name("rebuilt")
    scratch_home(home, rebuilt)
    night(rebuilt, exports, ("load raw", "staging", "facts"))
    found = differences(warehouse_path(home), warehouse_path(rebuilt))
    shutil.rmtree(rebuilt)
    assert not found, found
    print("facts equal those of a full rebuild")


def publishing(home: Path, exports: Path, company: Company) -> dict[str, Cost]:
    """What it costs to publish all customers once a day has come, step by step.

    Only identity is brought up to date by what has changed, so only its first night comes before;
    all else is made anew every night.
    """
    print("identities of the history")
    night(home, exports, ("identity",))
    print("one more day, and the release of all customers")
    new_day(home, exports, company, NEW_DAY + timedelta(days=NEW_DAYS + 1))
    return night(home, exports, PUBLISHING_STEPS, count_files=True)


def main(arguments: list[str]) -> None:
    """Run the benchmark and print its tables."""
    folder = Path(arguments[0])
    company = Company()
    costs = {}
    for days in [int(text) for text in arguments[1:]] or [30, 90, 365]:
        print(f"{days} days of history")
        home, exports = history(folder, company, days)
        measured = []
        for number in range(NEW_DAYS):
            print(f"one more day on {days + number}")
            measured.append(new_day(home, exports, company, NEW_DAY + timedelta(days=number)))
        costs[days] = mean_cost(measured)
        print(f"a day of which {LATE_SHARE:.0%} is up to {LATEST} days late")
        new_day(home, exports, company, NEW_DAY + timedelta(days=NEW_DAYS), LATE_SHARE)
        print("a full rebuild")
        assert_equal_to_a_rebuild(home, exports)
        costs[days] |= publishing(home, exports, company)
        shutil.rmtree(exports)
        shutil.rmtree(home)
    least = min(costs)
    for name, counted in (
        ("facts", FACT_STEPS),
        ("with gates and staging", STEPS),
        ("apart, publishing all customers", PUBLISHING_STEPS),
    ):
        for figure in FIGURES:
            base = total(costs[least], counted, figure)
            for days, spent in costs.items():
                value = total(spent, counted, figure)
                print(f"{name}, {figure}: {days} days: {value:,.1f}, {value / base:.2f} x {least}")


if __name__ == "__main__":
    main(sys.argv[1:])
