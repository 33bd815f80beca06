"""One writer per data home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rapport.home_lock import HomeInUseError, hold, is_held

HOLDER = """
import sys, time
from pathlib import Path
from rapport.home_lock import hold
with hold(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_whoever_comes_second_is_told_who_holds_the_home(tmp_path: Path) -> None:
    with hold(tmp_path, "rapport run, process 1"):
        assert is_held(tmp_path)
        with pytest.raises(HomeInUseError, match=r"already running \(rapport run, process 1\)"):
            hold(tmp_path, "rapport build").__enter__()

    assert not is_held(tmp_path)
    with hold(tmp_path, "rapport build"):
        assert is_held(tmp_path)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_held(tmp_path)

    holder.kill()
    holder.communicate()

    assert not is_held(tmp_path)
