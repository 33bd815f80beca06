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
from benchmarks.nights import FACT_STEPS, Cost, new_home, night, total

NEW_DAY = date(2026, 12, 1)
FIGURES = ("cpu_seconds", "read_mb", "files_opened", "files_of_home_opened")


def history(folder: Path, company: Company, days: int) -> tuple[Path, Path]:
    """A home whose facts are finished up to the day before the new one, and its exports."""
    home, exports = folder / f"home_{days}", folder / f"exports_{days}"
    new_home(home)
    write_days(exports / "company", company, NEW_DAY - timedelta(days=days), days)
    night(home, exports, ("ingest", "load raw", "staging", "facts"))
    return home, exports


def new_day(home: Path, exports: Path, company: Company, late_share: float = 0) -> dict[str, Cost]:
    """The cost of one more day, step by step."""
    write_days(exports / "company", company, NEW_DAY, 1)
    if late_share:
        write_late_events(exports / "company", company, NEW_DAY, late_share, 40)
    return night(home, exports, count_files=True)


def main(arguments: list[str]) -> None:
    """Run the benchmark and print its table."""
    folder = Path(arguments[0])
    company = Company()
    costs = {}
    for days in [int(text) for text in arguments[1:]] or [30, 90, 365]:
        print(f"{days} days of history")
        home, exports = history(folder, company, days)
        print(f"one more day on {days}")
        costs[days] = new_day(home, exports, company)
        shutil.rmtree(exports)
    least = min(costs)
    for figure in FIGURES:
        base = total(costs[least], FACT_STEPS, figure)
        for days, spent in costs.items():
            value = total(spent, FACT_STEPS, figure)
            print(f"{figure}: {days} days: {value:,.1f}, {value / base:.2f} x that on {least}")


if __name__ == "__main__":
    main(sys.argv[1:])
