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

IDENTITY = "path:models/intermediate/identity"
# What descends from the assignment of identifiers to customers, and the engagement of the days up
# to as_of, is made anew for all customers each night: the cost of publishing, not that of facts.
CUSTOMERS = (
    "stg_estimates__identity_assignments+,path:models/intermediate",
    "path:models/intermediate/engagement",
)


def run_step(home: Path, exports: str, step: str) -> None:
    """Run one step by its name."""
    match step:
        case "ingest":
            for source in settings.load(home).sources:
                steps.ingest_source(home, exports, source.name, RECEIVED)
        case "load raw":
            steps.load_raw(home)
        case "gate raw" | "gate staging" | "gate marts":
            steps.validate(home, step.split()[1])
        case "staging":
            steps.DBT_EXCLUDED["staging"] = (IDENTITY,)
            steps.run_dbt(home, "staging")
        case "facts":
            steps.DBT_EXCLUDED["facts"] = (*steps.DBT_EXCLUDED["facts"], *CUSTOMERS)
            steps.run_dbt(home, "facts")
        case "identity":
            steps.DBT_UP_TO_DATE["staging"] = (IDENTITY,)
            steps.run_dbt(home, "staging")
            steps.resolve_identity(home)
        case "customers":
            steps.DBT_PHASES["facts"] = CUSTOMERS
            steps.run_dbt(home, "facts")
        case "lifetime values":
            steps.estimate_lifetime_values(home)
        case "marts":
            steps.run_dbt(home, "marts")
        case "publish":
            steps.publish(home, RECEIVED)
        case _:
            raise ValueError(f"no step {step!r}")


def cost() -> dict[str, float]:
    """What this process and its children have cost so far."""
    own, children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    io = _counters("io")
    # The usage of the process itself starts at the memory of the one that it was forked from.
    peak_kilobytes = max(_counters("status")["VmHWM"], children.ru_maxrss)
    return {
        "cpu_seconds": sum(item.ru_utime + item.ru_stime for item in (own, children)),
        "peak_mb": peak_kilobytes / 1024,
        "read_mb": io["rchar"] / 1e6,
        "written_mb": io["wchar"] / 1e6,
    }


def _counters(file: str) -> dict[str, int]:
    """The numbers that the kernel writes of this process, by their names."""
    lines = Path("/proc/self", file).read_text(encoding="utf-8").splitlines()
    words = (line.replace(":", " ").split() for line in lines)
    return {
        name: int(value)
        for name, value, *_ in (found for found in words if len(found) > 1)
        if value.isdecimal()
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
