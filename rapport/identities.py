"""Who is one customer, between two phases of dbt: evidence from the warehouse, assignments to it.

Beside the assignments the warehouse keeps what they were made from, so that the next night resolves
only what changed. Nothing depends on it: without it, or after a change of code, everything is
resolved again, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from estimation.identity.incremental import Changes, update
from estimation.identity.resolution import Resolution, resolve
from estimation.identity.tables import ASSIGNMENTS, BLOCKS, EDGES, EXCLUSIONS, IDENTIFIERS

_IDENTIFIERS = f"select {', '.join(IDENTIFIERS.names)} from intermediate.int_identifiers"
_EDGES = f"select {', '.join(EDGES.names)} from intermediate.int_identity_edges"
_KEPT = {
    "identity_assignments": ASSIGNMENTS,
    "identity_exclusions": EXCLUSIONS,
    "identity_blocks": BLOCKS,
    "identity_identifiers_seen": IDENTIFIERS,
    "identity_edges_seen": EDGES,
}


@dataclass(frozen=True)
class Resolved:
    """``assignments`` and ``exclusions`` in rows; ``looked_at``: identifiers resolved anew."""

    assignments: int
    exclusions: int
    identifiers: int
    looked_at: int


def resolve_identities(
    connection: duckdb.DuckDBPyConnection, code: str, *, anew: bool = False
) -> Resolved:
    """Fill ``estimates.identity_assignments`` and ``identity_exclusions`` of the warehouse.

    ``code``: the version of the program; what another one resolved is resolved again, as is
    everything with ``anew``.
    """
    identifiers, edges = _read(connection, _IDENTIFIERS), _read(connection, _EDGES)
    if anew or not _is_kept(connection, code):
        resolution, looked_at = resolve(identifiers, edges), len(identifiers)
    else:
        resolution, looked_at = update(
            _previous(connection), identifiers, edges, _changes(connection)
        )
    connection.execute("begin")
    for name, table in (
        ("identity_assignments", resolution.assignments),
        ("identity_exclusions", resolution.exclusions),
        ("identity_blocks", resolution.blocks),
        ("identity_identifiers_seen", identifiers),
        ("identity_edges_seen", edges),
    ):
        connection.register("resolved", table)
        connection.execute(f"create or replace table estimates.{name} as select * from resolved")
        connection.unregister("resolved")
    connection.execute(
        "create or replace table estimates.identity_state as select ? as code", [code]
    )
    connection.execute("commit")
    return Resolved(
        len(resolution.assignments), len(resolution.exclusions), len(identifiers), looked_at
    )


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    return connection.execute(query).to_arrow_table()


def _is_kept(connection: duckdb.DuckDBPyConnection, code: str) -> bool:
    """Is the earlier resolution there, whole, and made by this code?"""
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'estimates'"
        ).fetchall()
    }
    if not {*_KEPT, "identity_state"} <= tables:
        return False
    return connection.execute("select code from estimates.identity_state").fetchall() == [(code,)]


def _previous(connection: duckdb.DuckDBPyConnection) -> Resolution:
    assignments, exclusions, blocks = (
        _read(connection, f"select * from estimates.{name}").cast(schema)
        for name, schema in list(_KEPT.items())[:3]
    )
    return Resolution(assignments, exclusions, blocks)


def _changes(connection: duckdb.DuckDBPyConnection) -> Changes:
    seen, edges_seen = (
        f"select * from estimates.{name}"
        for name in ("identity_identifiers_seen", "identity_edges_seen")
    )
    changed_edges = pa.concat_tables(
        [
            _read(connection, f"{_EDGES} except all {edges_seen}").cast(EDGES),
            _read(connection, f"{edges_seen} except all {_EDGES}").cast(EDGES),
        ]
    )
    return Changes(
        identifiers_gone=_read(connection, f"{seen} except all {_IDENTIFIERS}").cast(IDENTIFIERS),
        identifiers_new=_read(connection, f"{_IDENTIFIERS} except all {seen}").cast(IDENTIFIERS),
        edges=changed_edges,
    )
