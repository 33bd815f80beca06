"""Killed anywhere and run again is the same as never killed, and readers never see half of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def killed_runs(folder: Path, action: str) -> list[dict[str, Any]]:
    """One entry per killed run, in order; the run that got through is among them with code 0."""
    script = Path(__file__).with_name("kill_publish.py")
    done = subprocess.run(
        [sys.executable, script, folder, action],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("action", "before", "after", "least_effects"),
    [
        pytest.param("publish", 1, 2, 40, marks=pytest.mark.slow),
        ("rollback", 2, 1, 8),
    ],
)
def test_killed_at_every_side_effect_and_rerun_is_never_killed(
    tmp_path: Path, action: str, before: int, after: int, least_effects: int
) -> None:
    runs = killed_runs(tmp_path, action)
    clean = [run for run in runs if run["code"] == 0]
    killed = [run for run in runs if run["code"] < 0]
    assert len(killed) > least_effects
    assert clean
    assert {run["reader"]["release"] for run in killed} == {before, after}
    for run in killed:
        # The generation of the data is the number of the release: no mart is of another one.
        assert run["reader"]["generations"] == [run["reader"]["release"]], run["kill"]
        assert run["end"] == clean[0]["end"], run["kill"]
    assert clean[0]["end"]["current"] == f"releases/{after:06d}"
    assert clean[0]["end"]["staging"] == []
    assert clean[0]["end"]["release 2"]["as_of"] == "2026-07-01"
