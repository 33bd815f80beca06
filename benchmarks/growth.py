"""Cost follows new data: the same new day on 30, 90 and 365 days of history.

Data flow: files of a history -> a home with finished facts -> one more day, measured -> the facts
compared with those of a full rebuild.

Run: ``python -m benchmarks.growth FOLDER [days...]``; FOLDER needs some 15 GB for a year.
"""

from __future__ import annotations

import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

from benchmarks.event_files import Company, write_days, write_late_events
from benchmarks.nights import FACT_STEPS, STEPS, Cost, new_home, night, total
from ingestion.warehouse import warehouse_path
from rapport.audit import differences, scratch_home

NEW_DAY = date(2026, 12, 1)
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


def assert_equal_to_a_rebuild(home: Path, exports: Path) -> None:
    """Make everything anew beside the home, and compare every table."""
    rebuilt = home.with_name("rebuilt")
    scratch_home(home, rebuilt)
    night(rebuilt, exports, ("load raw", "staging", "facts"))
    found = differences(warehouse_path(home), warehouse_path(rebuilt))
    shutil.rmtree(rebuilt)
    assert not found, found
    print("facts equal those of a full rebuild")


def main(arguments: list[str]) -> None:
    """Run the benchmark and print its table."""
    folder = Path(arguments[0])
    company = Company()
    costs = {}
    for days in [int(text) for text in arguments[1:]] or [30, 90, 365]:
        print(f"{days} days of history")
        home, exports = history(folder, company, days)
        print(f"one more day on {days}")
        costs[days] = new_day(home, exports, company, NEW_DAY)
        print(f"a day of which {LATE_SHARE:.0%} is up to {LATEST} days late")
        new_day(home, exports, company, NEW_DAY + timedelta(days=1), LATE_SHARE)
        print("a full rebuild")
        assert_equal_to_a_rebuild(home, exports)
        shutil.rmtree(exports)
        shutil.rmtree(home)
    least = min(costs)
    for name, counted in (("facts", FACT_STEPS), ("with gates and staging", STEPS)):
        for figure in FIGURES:
            base = total(costs[least], counted, figure)
            for days, spent in costs.items():
                value = total(spent, counted, figure)
                print(f"{name}, {figure}: {days} days: {value:,.1f}, {value / base:.2f} x {least}")


if __name__ == "__main__":
    main(sys.argv[1:])
