"""Runs a piece of work in a process of its own and says what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The kernel's figure for the process itself: what wait4 reports includes the memory of the parent
# that it was forked from.
PEAK = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of a whole process, and what it printed last (JSON)."""

    cpu_seconds: float
    wall_seconds: float
    peak_megabytes: float
    result: Any


def run(python: Path, code: str, *arguments: object) -> Cost:
    """Run ``code`` with these arguments. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    command = [str(python), "-c", code + PEAK, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[:2], said)
    *_, result, peak = said.strip().splitlines()
    return Cost(usage.ru_utime + usage.ru_stime, wall, int(peak) / 1024, json.loads(result))
