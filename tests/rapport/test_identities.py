"""Identity over several nights in a warehouse: only what evidence touches is resolved again, and
the result is that of a full resolution.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings

from estimation.identity.resolution import UnknownIdentifier, resolve
from estimation.identity.tables import EDGES, IDENTIFIERS
from rapport.identities import Resolved, resolve_identities
from rapport.steps import DBT_PROJECT
from tests.estimation.identity.evidence import edge, identifier, tables
from tests.estimation.identity.played_evidence import Evidence, evidence, two_nights

RESULTS = ("assignments", "exclusions", "blocks")

Rows = dict[str, list[tuple[object, ...]]]

# Each example is two or three nights of thirty queries; `make test-invariants` plays more.
few = settings(max_examples=max(10, settings().max_examples // 4))


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema intermediate; create schema estimates")
        yield connection


def _bring(connection: duckdb.DuckDBPyConnection, found: Evidence) -> None:
    """Put evidence where dbt puts it."""
    for name, table in zip(("identifiers", "identity_edges"), tables(*found), strict=True):
        connection.register("found", table)
        keys = {
            "identifiers": "hash(identifier) as identifier_key",
            "identity_edges": "hash(left_identifier) as left_key, "
            "hash(right_identifier) as right_key",
        }
        connection.execute(
            f"create or replace table intermediate.int_{name} as "
            f"select *, {keys[name]}, hash({', '.join(table.column_names)}) as row_hash from found"
        )
        connection.unregister("found")


def _night(
    connection: duckdb.DuckDBPyConnection, found: Evidence, *, anew: bool = False
) -> tuple[Resolved, Rows]:
    _bring(connection, found)
    done = resolve_identities(connection, "this code", anew=anew)
    return done, {
        name: sorted(
            connection.execute(f"select * from estimates.identity_{name}").fetchall(), key=repr
        )
        for name in RESULTS
    }


def _in_full(found: Evidence) -> Rows:
    """What a resolution of everything, each piece of evidence once, says, with blocks as the
    warehouse keeps them.
    """
    identifiers, edges = tables(*found)
    once = edges.group_by(edges.column_names).aggregate([])
    resolution = resolve(identifiers, once.select(EDGES.names).cast(EDGES))
    blocks = resolution.blocks  # noqa: F841 -- DuckDB finds it by its name
    keys = duckdb.sql("select hash(identifier) as key, hash(block) as block from blocks")

    def rows(table: pa.Table) -> list[tuple[object, ...]]:
        return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)

    return {
        "assignments": rows(resolution.assignments),
        "exclusions": rows(resolution.exclusions),
        "blocks": rows(keys.to_arrow_table()),
    }


@few
@given(two_nights())
def test_an_incremental_night_equals_a_full_one(
    warehouse: duckdb.DuckDBPyConnection, nights: tuple[Evidence, Evidence]
) -> None:
    before, now = nights
    first, found = _night(warehouse, before, anew=True)
    assert found == _in_full(before)
    assert first.looked_at == first.identifiers == len(before[0])

    second, found = _night(warehouse, now)
    assert found == _in_full(now)
    assert second.looked_at <= second.identifiers
    assert second.assignments == len(found["assignments"])
    assert second.exclusions == len(found["exclusions"])


@few
@given(evidence())
def test_evidence_that_comes_twice_is_no_more_than_once(
    warehouse: duckdb.DuckDBPyConnection, found: Evidence
) -> None:
    identifiers, edges = found
    _, once = _night(warehouse, found, anew=True)
    second, twice = _night(warehouse, (identifiers, edges * 2))
    assert (twice, second.looked_at) == (once, 0)
    assert _night(warehouse, (identifiers, edges * 2), anew=True)[1] == once


@few
@given(two_nights())
def test_taking_evidence_back_ends_as_if_it_had_never_been(
    warehouse: duckdb.DuckDBPyConnection, nights: tuple[Evidence, Evidence]
) -> None:
    before, now = nights
    _, first = _night(warehouse, before, anew=True)
    _night(warehouse, now)
    _, again = _night(warehouse, before)
    assert again == first


@few
@given(evidence())
def test_a_night_without_news_looks_at_nothing_and_changes_no_id(
    warehouse: duckdb.DuckDBPyConnection, found: Evidence
) -> None:
    _, first = _night(warehouse, found, anew=True)
    again, second = _night(warehouse, found)
    assert second == first
    assert again.looked_at == 0


def test_only_the_touched_part_is_resolved_again(warehouse: duckdb.DuckDBPyConnection) -> None:
    people = [
        identifier(name) for n in range(50) for name in (f"crm|customer|{n}", f"any|email|{n}")
    ]
    links = [edge(f"crm|customer|{n}", f"any|email|{n}", "contact_email") for n in range(50)]
    _night(warehouse, (people, links), anew=True)
    shop = identifier("shop|customer|7", is_contact=False)
    bought = edge("shop|customer|7", "any|email|7", "order_email", 3, 3)
    night, _ = _night(warehouse, ([*people, shop], [*links, bought]))
    assert night.looked_at == 3


def test_other_code_resolves_everything_again(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = [identifier("crm|customer|1"), identifier("any|email|1")], []
    _night(warehouse, found, anew=True)
    assert resolve_identities(warehouse, "other code").looked_at == 2


def test_evidence_about_nobody_is_refused_and_changes_nothing(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    known = [identifier("crm|customer|1", first_seen_at=datetime(2026, 1, 1))]  # noqa: DTZ001
    _, before = _night(warehouse, (known, []), anew=True)
    _bring(warehouse, (known, [edge("crm|customer|1", "any|email|9", "order_email")]))
    with pytest.raises(UnknownIdentifier, match=r"any\|email\|9"):
        resolve_identities(warehouse, "this code")
    _, after = _night(warehouse, (known, []))
    assert after == before


@pytest.mark.parametrize(
    ("model", "columns"),
    [("int_identifiers", IDENTIFIERS.names), ("int_identity_edges", EDGES.names)],
)
def test_no_column_that_is_read_can_change_unnoticed(model: str, columns: list[str]) -> None:
    path = DBT_PROJECT / "models" / "intermediate" / "identity" / f"{model}.sql"
    found = re.search(
        r"row_hash\(\[([^\]]+)\]\) \}\} as row_hash", path.read_text(encoding="utf-8")
    )
    assert found
    assert re.findall(r"\w+", found[1]) == columns
