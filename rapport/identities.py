"""Who is one customer, between two phases of dbt: evidence from the warehouse, assignments to it.

Only what new, changed or vanished evidence touches is resolved again. What evidence can change is
its block: identifiers that any evidence holds together, before guards look inside. Identifiers that
are guarded from outside (role mailboxes, the most crowded addresses) stand outside all blocks; when
such a guard comes or goes, the identifier's neighbours are touched too. So the parts that are
resolved again are whole, and the result is that of a full resolution, which is the same thing from
an empty state.

Tables beside the assignments, so that the next night knows what changed:

==================================  ==============================================================
estimates.identity_blocks           identifiers that any evidence holds together
estimates.identity_identifiers_seen a hash of each identifier's row, and whether it was guarded
estimates.identity_edges_seen       the ends of each piece of evidence and a hash of its row
estimates.identity_state            the version of the program that made them
==================================  ==============================================================

Without them, or after a change of code or engine, everything is resolved again.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from estimation.identity.resolution import Resolution, resolve
from estimation.identity.tables import (
    ANONYMOUS,
    ASSIGNMENTS,
    BLOCKS,
    EDGES,
    EXCLUSIONS,
    IDENTIFIERS,
)

IDENTIFIERS_NOW = "intermediate.int_identifiers"
EDGES_NOW = "intermediate.int_identity_edges"

_TABLES = {
    "identity_assignments": "identifier varchar, node varchar, customer_id varchar, "
    "valid_from timestamp, valid_to timestamp",
    "identity_exclusions": "identifier varchar, other_identifier varchar, "
    "evidence_source varchar, evidence varchar, observed_at timestamp, reason varchar",
    "identity_blocks": "identifier varchar, block varchar",
    "identity_identifiers_seen": "identifier varchar, is_guarded boolean, row_hash ubigint",
    "identity_edges_seen": "left_identifier varchar, right_identifier varchar, row_hash ubigint",
    "identity_state": "code varchar",
}


@dataclass(frozen=True)
class _Watched:
    """The rows ``now``, what is ``kept`` of each, what is already ``seen`` and what ``changes``."""

    now: str
    kept: str
    row_hash: str
    seen: str
    changes: str


# A hash has 64 bits: that one of a hundred thousand changed rows hides behind one of ten million
# others happens once in ten million nights, and `rapport audit` would say so.
_IDENTIFIER_HASH = f"hash({', '.join(IDENTIFIERS.names)})"
_EDGE_HASH = f"hash({', '.join(EDGES.names)})"
_WATCHED = (
    _Watched(
        IDENTIFIERS_NOW,
        "identifier, guard_reason is not null",
        _IDENTIFIER_HASH,
        "estimates.identity_identifiers_seen",
        "identifier_changes",
    ),
    _Watched(
        EDGES_NOW,
        "left_identifier, right_identifier",
        _EDGE_HASH,
        "estimates.identity_edges_seen",
        "edge_changes",
    ),
)


@dataclass(frozen=True)
class Resolved:
    """``assignments`` and ``exclusions`` in rows; ``looked_at``: identifiers resolved anew."""

    assignments: int
    exclusions: int
    identifiers: int
    looked_at: int


def create_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that are not there yet, empty: the first dbt phase reads their columns."""
    connection.execute("create schema if not exists estimates")
    for name, columns in _TABLES.items():
        connection.execute(f"create table if not exists estimates.{name} ({columns})")


def resolve_identities(
    connection: duckdb.DuckDBPyConnection, code: str, *, anew: bool = False
) -> Resolved:
    """Fill ``estimates.identity_assignments`` and ``identity_exclusions`` of the warehouse.

    ``code``: the version of the program; what another one resolved is resolved again, as is
    everything with ``anew``. Raises what ``estimation.identity.resolution.resolve`` raises; then
    everything is as it was.
    """
    made_by = f"{code}, DuckDB {duckdb.__version__}"
    connection.execute("begin")
    try:
        if anew or not _is_kept(connection, made_by):
            for name, columns in _TABLES.items():
                connection.execute(f"create or replace table estimates.{name} ({columns})")
        _find_changes(connection)
        _find_touched(connection)
        looked_at = _resolve_again(connection)
        _remember(connection, made_by)
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
    return Resolved(
        _count(connection, "estimates.identity_assignments"),
        _count(connection, "estimates.identity_exclusions"),
        _count(connection, IDENTIFIERS_NOW),
        looked_at,
    )


def _is_kept(connection: duckdb.DuckDBPyConnection, made_by: str) -> bool:
    """Is the earlier resolution there, whole, and made by this code?"""
    there = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'estimates'"
    ).fetchall()
    if not {(name,) for name in _TABLES} <= set(there):
        return False
    return connection.execute("select code from estimates.identity_state").fetchall() == [
        (made_by,)
    ]


def _find_changes(connection: duckdb.DuckDBPyConnection) -> None:
    """``identifier_changes`` and ``edge_changes``: hashes of the rows that came or went."""
    for watched in _WATCHED:
        _temporary(
            connection,
            watched.changes,
            f"""
            select coalesce(here.row_hash, seen.row_hash) as row_hash
            from (select {watched.row_hash} as row_hash from {watched.now}) as here
            full join {watched.seen} as seen on here.row_hash = seen.row_hash
            where here.row_hash is null or seen.row_hash is null
            """,
        )


def _find_touched(connection: duckdb.DuckDBPyConnection) -> None:
    """``touched``: identifiers whose customer may differ now."""
    gone = (
        "select identifier, is_guarded from estimates.identity_identifiers_seen "
        "where row_hash in (select row_hash from identifier_changes)"
    )
    come = (
        f"select identifier, guard_reason is not null as is_guarded from {IDENTIFIERS_NOW} "
        f"where {_IDENTIFIER_HASH} in (select row_hash from identifier_changes)"
    )
    _temporary(connection, "met_before", gone)
    _temporary(connection, "met_now", come)
    _temporary(
        connection,
        "flipped",
        """
        select identifier from met_before full join met_now using (identifier)
        where coalesce(met_before.is_guarded, false) <> coalesce(met_now.is_guarded, false)
        """,
    )
    _temporary(
        connection,
        "changed_edges",
        f"""
        select left_identifier, right_identifier from estimates.identity_edges_seen
        where row_hash in (select row_hash from edge_changes)
        union
        select left_identifier, right_identifier from {EDGES_NOW}
        where {_EDGE_HASH} in (select row_hash from edge_changes)
        union
        {_edges_at("flipped")}
        """,
    )
    _temporary(
        connection,
        "seeds",
        f"""
        select identifier from met_before
        union select identifier from met_now
        union {_ends("changed_edges")}
        """,
    )
    _temporary(
        connection,
        "inside",
        """
        select identifier from seeds
        union
        select identifier from estimates.identity_blocks
        where block in (
            select block from estimates.identity_blocks
            where identifier in (select identifier from seeds)
        )
        """,
    )
    _temporary(connection, "around", _edges_at("inside"))
    _temporary(
        connection,
        "touched",
        f"""
        select identifier from inside
        union
        select identifier from {IDENTIFIERS_NOW}
        where identifier_type = '{ANONYMOUS}' and identifier in ({_ends("around")})
        """,
    )


def _resolve_again(connection: duckdb.DuckDBPyConnection) -> int:
    """Resolve the touched part, put it in the place of what was there, and give its size."""
    _temporary(connection, "part_edges", _edges_at("touched", ", ".join(EDGES.names)))
    # Beside the touched part stand guarded identifiers, and people who were met on its devices.
    _temporary(
        connection,
        "part",
        f"""
        select {", ".join(IDENTIFIERS.names)} from {IDENTIFIERS_NOW}
        where
            identifier in (select identifier from touched)
            or (guard_reason is not null and identifier in ({_ends("part_edges")}))
        """,
    )
    _temporary(
        connection,
        "beside",
        f"""
        select identifier from {IDENTIFIERS_NOW}
        where
            identifier in ({_ends("part_edges")})
            and identifier not in (select identifier from part)
        """,
    )
    known = connection.execute(
        """
        select identifier, node, customer_id, valid_from, valid_to
        from beside left join estimates.identity_assignments using (identifier)
        """
    ).to_arrow_table()
    part = connection.execute("select * from part").to_arrow_table()
    edges = connection.execute("select * from part_edges").to_arrow_table()
    _replace(connection, resolve(part, edges, known.cast(ASSIGNMENTS)))
    return len(part)


def _replace(connection: duckdb.DuckDBPyConnection, resolved: Resolution) -> None:
    _temporary(
        connection, "replaced", "select identifier from touched union select identifier from part"
    )
    replaced = "identifier in (select identifier from replaced)"
    touched = "(select identifier from touched)"
    for name, table, stale, schema in (
        ("assignments", resolved.assignments, replaced, ASSIGNMENTS),
        ("blocks", resolved.blocks, replaced, BLOCKS),
        (
            "exclusions",
            resolved.exclusions,
            f"(other_identifier is null and {replaced}) "
            f"or identifier in {touched} or other_identifier in {touched}",
            EXCLUSIONS,
        ),
    ):
        connection.execute(f"delete from estimates.identity_{name} where {stale}")
        connection.register("resolved", table)
        connection.execute(
            f"insert into estimates.identity_{name} select {', '.join(schema.names)} from resolved"
        )
        connection.unregister("resolved")


def _remember(connection: duckdb.DuckDBPyConnection, made_by: str) -> None:
    for watched in _WATCHED:
        changed = f"row_hash in (select row_hash from {watched.changes})"
        connection.execute(f"delete from {watched.seen} where {changed}")
        connection.execute(
            f"insert into {watched.seen} "
            f"select {watched.kept}, {watched.row_hash} as row_hash from {watched.now} "
            f"where {changed}"
        )
    connection.execute("delete from estimates.identity_state")
    connection.execute("insert into estimates.identity_state values (?)", [made_by])


def _edges_at(names: str, columns: str = "left_identifier, right_identifier") -> str:
    """Evidence with an end among ``names``, each piece once."""
    among = f"in (select identifier from {names})"
    return f"""
        select {columns} from {EDGES_NOW} where left_identifier {among}
        union all
        select {columns} from {EDGES_NOW}
        where right_identifier {among} and left_identifier not {among}
        """


def _ends(edges: str) -> str:
    return (
        f"select left_identifier as identifier from {edges} "
        f"union select right_identifier as identifier from {edges}"
    )


def _temporary(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    connection.execute(f"create or replace temp table {name} as {select}")


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = connection.execute(f"select count(*) from {table}").fetchall()[0]
    return int(count)
