"""One step of a night in a process of its own, and what it cost: ``night_step HOME EXPORTS STEP``.

CPU seconds, bytes read and written count the process and those that it started; the peak is that of
the largest one. The last line of the output is the cost as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import datetime
from pathlib import Path

from ingestion import settings
from rapport import steps

RECEIVED = datetime.fromisoformat("2027-01-01")

# What descends from the assignment of identifiers to customers, and the engagement of the days up
# to as_of, is made anew for all customers each night: the cost of publishing, not that of facts.
CUSTOMERS = ("stg_estimates__identity_assignments+", "path:models/intermediate/engagement")


def run_step(home: Path, exports: str, step: str) -> None:
    """Run one step by its name."""
    match step:
        case "ingest":
            for source in settings.load(home).sources:
                steps.ingest_source(home, exports, source.name, RECEIVED)
        case "load raw":
            steps.load_raw(home)
        case "gate raw" | "gate staging":
            steps.validate(home, step.split()[1])
        case "staging":
            # Identity is incremental by itself and has a benchmark of its own.
            steps.DBT_EXCLUDED["staging"] = ("path:models/intermediate/identity",)
            steps.run_dbt(home, "staging")
        case "facts":
            steps.DBT_EXCLUDED["facts"] = (*steps.DBT_EXCLUDED["facts"], *CUSTOMERS)
            steps.run_dbt(home, "facts")
        case _:
            raise ValueError(f"no step {step!r}")


def cost() -> dict[str, float]:
    """What this process and its children have cost so far."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    io = {name: int(value) for name, value in (line.split(": ") for line in lines)}
    return {
        "cpu_seconds": sum(item.ru_utime + item.ru_stime for item in usage),
        "peak_mb": max(item.ru_maxrss for item in usage) / 1024,
        "read_mb": io["rchar"] / 1e6,
        "written_mb": io["wchar"] / 1e6,
    }


def main(arguments: list[str]) -> None:
    """Run the step and print its cost."""
    home, exports, step = arguments
    started, before = time.perf_counter(), cost()
    run_step(Path(home), exports, step)
    spent = {name: value - before[name] for name, value in cost().items() if name != "peak_mb"}
    spent |= {"peak_mb": cost()["peak_mb"], "seconds": time.perf_counter() - started}
    print(json.dumps(spent))


if __name__ == "__main__":
    main(sys.argv[1:])
