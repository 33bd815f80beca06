"""Every expectation notices something: for each there is a breakage that it catches.

The queries run here without Great Expectations: hundreds of breakages in a few seconds. What GX
makes of the same suites is tested in test_gate.py.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from expectations.gate import Columns
from expectations.suite import COLUMN_SET, ROW_COUNT, Expectation, Suite
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


def test_every_expectation_has_a_breakage_and_every_breakage_its_expectation(
    suites: dict[str, Suite], columns: Columns
) -> None:
    """Deleting or renaming an expectation leaves its breakage behind, and this goes red."""
    assert len(suites) > 80
    for suite in suites.values():
        expected = {expectation.name for expectation in suite.expectations}
        assert {name for name, _ in breakages.of_suite(suite, columns[suite.name])} == expected, (
            suite.name
        )


def test_no_expectation_fails_on_the_sound_warehouse(sound: Path, suites: dict[str, Suite]) -> None:
    with duckdb.connect(str(sound), read_only=True) as connection:
        failed = [
            f"{suite.name}.{expectation.name}"
            for suite in suites.values()
            for expectation in suite.expectations
            if fails(connection, suite, expectation)
        ]
    assert failed == []


def test_every_breakage_is_caught_by_the_expectation_it_was_made_for(
    sound: Path, suites: dict[str, Suite], columns: Columns
) -> None:
    missed = []
    tried = 0
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute(f"attach '{sound}' as sound (read_only)")
        connection.execute("copy from database sound to memory")
        for suite in suites.values():
            by_name = {expectation.name: expectation for expectation in suite.expectations}
            for name, sql in breakages.of_suite(suite, columns[suite.name]):
                connection.execute("begin")
                connection.execute(sql)
                if not fails(connection, suite, by_name[name]):
                    missed.append(f"{suite.name}.{name}: {sql}")
                connection.execute("rollback")
                tried += 1
    assert missed == []
    assert tried > 1000


def test_what_came_tonight_is_judged_by_what_came_before_and_told_once(
    sound: Path, suites: dict[str, Suite], columns: Columns
) -> None:
    judging = {"columns_stay_filled", "descriptions_stay_filled", "typical_amount_keeps_its_unit"}
    missed, repeated, tried = [], [], 0
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sound}' as sound (read_only)")
        connection.execute("copy from database sound to memory")
        connection.execute("insert into loads.state values (1)")
        connection.execute(
            "create or replace table raw.changed_rows as "
            "select object, delivery_id, false as is_removed, data_from as event_at "
            f"from raw.deliveries where delivery_id = object || '-{breakages.LAST_DAY}'"
        )
        for suite in suites.values():
            by_name = {expectation.name: expectation for expectation in suite.expectations}
            for name, sql in breakages.of_suite(suite, columns[suite.name]):
                if suite.layer != "raw" or name not in judging:
                    continue
                connection.execute("begin")
                assert not fails(connection, suite, by_name[name])
                connection.execute(sql)
                if not fails(connection, suite, by_name[name]):
                    missed.append(f"{suite.name}.{name}: {sql}")
                connection.execute("delete from raw.changed_rows")
                if fails(connection, suite, by_name[name]):
                    repeated.append(f"{suite.name}.{name}: {sql}")
                connection.execute("rollback")
                tried += 1
    assert (missed, repeated) == ([], [])
    assert tried > 100


def test_a_file_a_day_in_each_of_many_currencies_is_judged_by_its_own(
    sound: Path, suites: dict[str, Suite]
) -> None:
    suite = suites["raw.generic_orders"]
    expectation = next(
        item for item in suite.expectations if item.name == "typical_amount_keeps_its_unit"
    )
    last = f"generic_orders-{breakages.LAST_DAY} SEK"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sound}' as sound (read_only)")
        connection.execute("copy from database sound to memory")
        for table, changed in (
            ("generic_orders", "delivery_id || ' ' || code as delivery_id, code as currency"),
            ("deliveries", "delivery_id || ' ' || code as delivery_id"),
            ("delivery_amounts", "delivery_id || ' ' || code as delivery_id, code as currency"),
        ):
            connection.execute(
                f"create or replace table raw.{table} as select * replace ({changed}) "
                f"from raw.{table}, "
                "unnest(['DKK', 'EUR', 'GBP', 'ISK', 'NOK', 'SEK']) as codes(code)"
            )
        connection.execute("insert into loads.state values (1)")
        connection.execute(
            "create or replace table raw.changed_rows as select object, delivery_id, "
            "false as is_removed, data_from as event_at from raw.deliveries "
            f"where delivery_id = '{last}'"
        )
        assert not fails(connection, suite, expectation)
        connection.execute(
            "update raw.generic_orders set gross_amount = 100 * gross_amount "
            f"where delivery_id = '{last}'"
        )
        assert fails(connection, suite, expectation)
