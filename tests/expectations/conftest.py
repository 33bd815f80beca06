"""One sound warehouse for all tests of the gates; each test that breaks it works on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from expectations.gate import Columns, layer_suites, warehouse_columns
from expectations.suite import LAYERS, Suite
from tests.expectations.sound_warehouse import build


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse in which every expectation holds; not to be written to."""
    path = tmp_path_factory.mktemp("sound") / "warehouse.duckdb"
    build(path)
    return path


@pytest.fixture(scope="session")
def columns(sound: Path) -> Columns:
    """Types of the sound warehouse's columns."""
    return warehouse_columns(sound)


@pytest.fixture(scope="session")
def suites(columns: Columns) -> dict[str, Suite]:
    """All suites of all layers by name."""
    return {suite.name: suite for layer in LAYERS for suite in layer_suites(layer, columns)}


@pytest.fixture
def broken(sound: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of the sound warehouse after some SQL."""

    def make(sql: str) -> Path:
        path = tmp_path / "warehouse.duckdb"
        shutil.copyfile(sound, path)
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)
        return path

    return make
