"""Every expectation notices something: for each there is a breakage of the sound warehouse that it catches.

The queries run here as the gate wraps them, but without Great Expectations: hundreds of breakages in a few seconds.
What GX makes of the same suites is tested in test_gate.py.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from expectations.gate import layer_suites, warehouse_columns
from expectations.suite import COLUMN_SET, LAYERS, ROW_COUNT, Expectation, Suite
from tests.expectations import breakages


def fails(connection: duckdb.DuckDBPyConnection, suite: Suite, expectation: Expectation) -> bool:
    """Whether the expectation fails on what the warehouse holds now."""
    if expectation.type == COLUMN_SET:
        found = {row[0] for row in connection.execute(f"describe {suite.name}").fetchall()}
        expected = set(expectation.kwargs["column_set"])
        return found != expected if expectation.kwargs["exact_match"] else bool(expected - found)
    if expectation.type == ROW_COUNT:
        [(count,)] = connection.execute(f"select count(*) from {suite.name}").fetchall()
        most = expectation.kwargs.get("max_value")
        return count < expectation.kwargs["min_value"] or (most is not None and count > most)
    query = expectation.kwargs["query"].replace("{batch}", suite.name)
    return connection.execute(f"select * from ({query}) limit 1").fetchone() is not None


@pytest.fixture(scope="module")
def suites(sound: Path) -> dict[str, Suite]:
    """All suites of all layers by name."""
    columns = warehouse_columns(sound)
    found = {suite.name: suite for layer in LAYERS for suite in layer_suites(layer, columns)}
    assert len(found) > 60
    return found


def test_every_expectation_has_a_breakage_and_every_breakage_its_expectation(
    suites: dict[str, Suite],
) -> None:
    """Deleting or renaming an expectation leaves its breakage behind, and this goes red."""
    for suite in suites.values():
        expected = {expectation.name for expectation in suite.expectations}
        assert {name for name, _ in breakages.of_suite(suite)} == expected, suite.name


def test_no_expectation_fails_on_the_sound_warehouse(
    sound: Path, suites: dict[str, Suite]
) -> None:
    with duckdb.connect(str(sound), read_only=True) as connection:
        failed = [
            f"{suite.name}.{expectation.name}"
            for suite in suites.values()
            for expectation in suite.expectations
            if fails(connection, suite, expectation)
        ]
    assert failed == []


def test_every_breakage_is_caught_by_the_expectation_it_was_made_for(
    sound: Path, suites: dict[str, Suite], tmp_path: Path
) -> None:
    missed = []
    tried = 0
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as connection:
        connection.execute(f"attach '{sound}' as sound (read_only)")
        connection.execute("copy from database sound to copy")
        for suite in suites.values():
            by_name = {expectation.name: expectation for expectation in suite.expectations}
            for name, sql in breakages.of_suite(suite):
                connection.execute("begin")
                connection.execute(sql)
                if not fails(connection, suite, by_name[name]):
                    missed.append(f"{suite.name}.{name}: {sql}")
                connection.execute("rollback")
                tried += 1
    assert missed == []
    assert tried > 500
