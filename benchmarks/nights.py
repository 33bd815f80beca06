"""Homes and nights of benchmarks: built through the pipeline's own steps, measured step by step."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.event_files import CONFIGURATION

STEPS = ("ingest", "load raw", "gate raw", "staging", "gate staging", "facts")
FACT_STEPS = ("ingest", "load raw", "facts")
# What is made anew for all customers each night, once the facts stand.
PUBLISHING_STEPS = (
    "identity", "customers", "lifetime values", "marts", "gate marts", "publish",
)  # fmt: skip
ROOT = Path(__file__).parents[1]

Cost = Mapping[str, float]


def new_home(home: Path) -> None:
    """An empty data home with the configuration of the benchmark company."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "vault").mkdir(parents=True, mode=0o700)
    key = home / "vault" / "key"
    key.write_text("5e" * 32)
    key.chmod(0o600)
    (home / "rapport.yml").write_text(CONFIGURATION)


def night(
    home: Path, exports: Path, steps: Sequence[str] = STEPS, *, count_files: bool = False
) -> dict[str, Cost]:
    """Run steps of a night, each in a process of its own; returns what each one cost.

    ``count_files`` counts calls of open with strace, if it is installed.
    """
    return {step: _step(home, exports, step, count_files) for step in steps}


def _step(home: Path, exports: Path, step: str, count_files: bool) -> Cost:
    command = [sys.executable, "-m", "benchmarks.night_step", str(home), str(exports), step]
    trace = home / "opened"
    if count_files and shutil.which("strace"):
        command = [
            *("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=open,openat,openat2"),
            *("-o", str(trace), *command),
        ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{step} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if trace.exists():
        lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
        cost["files_opened"] = sum(" = -1 " not in line for line in lines)
        cost["files_of_home_opened"] = sum(
            str(home) in line and " = -1 " not in line for line in lines
        )
        trace.unlink()
    print(f"  {step}: " + ", ".join(f"{name} {value:,.1f}" for name, value in cost.items()))
    sys.stdout.flush()
    return cost


def total(costs: Mapping[str, Cost], steps: Sequence[str], figure: str) -> float:
    """The sum of a figure over steps."""
    return sum(costs[step][figure] for step in steps if figure in costs[step])
