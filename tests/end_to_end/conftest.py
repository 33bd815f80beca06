"""One company and one night over it, shared by every test that only looks at the release."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.night import Company, Night, rapport, run_night
from tests.end_to_end.oracle import Reference

CUSTOMERS, DAYS = 120, 60


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The first night of a small company with all its traps, in a new home.

    Test processes that run side by side share it: the first runs it, the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    night, output = folder / "night", folder / "night" / "output.json"
    with _alone(folder / "night.lock"):
        if not output.exists():
            exports = night / "exports"
            done = rapport("simulate", exports, "--customers", str(CUSTOMERS), "--days", str(DAYS))
            assert done.returncode == 0, done.stdout + done.stderr
            done = run_night(night / "home", exports)
            assert done.returncode == 0, done.stdout + done.stderr
            output.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]))
    done = subprocess.CompletedProcess(*json.loads(output.read_text()))
    return Night(Company(night / "exports"), night / "home", done)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def company(night: Night) -> Company:
    """The company of the night."""
    return night.company


@pytest.fixture(scope="session")
def oracle(company: Company) -> Reference:
    """What the marts must hold, worked out from the exports alone."""
    return Reference(company.exports)
