"""`python -m tests.dags.night_process HOME [FILE…]`: nights with recorded steps, in one process.

One night for each FILE, which lies in the home during that night; `-` is a night without one.
Prints what is reported and, for each night, `OUTCOME <json>`. Exits with the last exit code.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

import rapport
from rapport.airflow_runner import Outcome, run_dags
from tests.dags import recorded_steps

START = datetime.fromisoformat("2026-11-22T04:00:00")


def main() -> int:
    rapport.steps = recorded_steps  # type: ignore[attr-defined]
    sys.modules["rapport.steps"] = recorded_steps
    home = Path(sys.argv[1])
    for number, name in enumerate(sys.argv[2:]):
        fault = home / name
        if name != "-":
            fault.touch()
        outcome = night(home, START + timedelta(days=number))
        if name != "-":
            fault.unlink(missing_ok=True)
        print("OUTCOME", json.dumps(dataclasses.asdict(outcome), default=str), flush=True)
    return outcome.exit_code


def night(home: Path, now: datetime) -> Outcome:
    return run_dags(
        home, "/exports", ["hubspot", "shopify"], now, lambda text: print(text, flush=True)
    )


if __name__ == "__main__":
    sys.exit(main())
