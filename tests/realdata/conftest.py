"""Real data that nobody here wrote.

Looked for at RAPPORT_REALDATA, or beside the project; where it is absent, the tests skip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from ingestion.settings import realdata
from rapport.published import open_current

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole nights on whole data sets are not part of make test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("realdata")
            item.add_marker("slow")
            if not realdata().is_dir():
                item.add_marker(pytest.mark.skip(reason=f"{realdata()} is not here"))


COMMAND = [sys.executable, "-m", "rapport.cli"]
Night = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def night() -> Night:
    """Run `rapport run` as a user does; fails with what it printed."""

    def run(home: Path, exports: Path, *, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, "run", "--home", str(home), "--exports", str(exports)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A data home with one of the configurations beside this file."""

    def make(configuration: str) -> Path:
        home = tmp_path_factory.mktemp(configuration)
        shutil.copyfile(HERE / f"{configuration}.yml", home / "rapport.yml")
        return home

    return make


def ask(home: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of a query over the marts of the current release."""
    with open_current(home) as (_, connection):
        found: duckdb.DuckDBPyConnection = connection.execute(query)
        return found.fetchall()
