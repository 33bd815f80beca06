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
estimates.identity_identifiers_seen every identifier, a hash of its row, and what selects it
estimates.identity_edges_seen       the ends of every piece of evidence and a hash of its row
estimates.identity_state            the version of the program that made them
==================================  ==============================================================

Without them, or after a change of code or engine, everything is resolved again. In these tables an
identifier is a number, its ``key``, which costs a third of a text to compare. Keys and hashes of
rows come with the evidence, from the macro ``row_hash``: DuckDB's ``hash`` of 64 bits. Two
identifiers with the same key are looked at together, and resolved apart. That one of a hundred
thousand changed rows hides behind the hash of one of ten million others happens once in ten million
nights, and `rapport audit` would say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from estimation.identity.resolution import Resolution, resolve
from estimation.identity.tables import (
    ANONYMOUS,
    ASSIGNMENTS,
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
    "identity_blocks": "key ubigint, block ubigint",
    "identity_identifiers_seen": "key ubigint, is_guarded boolean, is_device boolean, "
    "row_hash ubigint",
    "identity_edges_seen": "left_key ubigint, right_key ubigint, row_hash ubigint",
    "identity_state": "code varchar",
}


@dataclass(frozen=True)
class _Watched:
    """What of the rows ``now`` is ``kept`` as ``seen``, to tell in another night which ``came`` and
    which are ``gone``.
    """

    now: str
    kept: str
    seen: str
    came: str
    gone: str


_IDENTIFIERS = _Watched(
    now=IDENTIFIERS_NOW,
    kept="identifier_key as key, guard_reason is not null as is_guarded, "
    f"identifier_type = '{ANONYMOUS}' as is_device",
    seen="estimates.identity_identifiers_seen",
    came="identifiers_came",
    gone="identifiers_gone",
)
_EDGES = _Watched(
    now=EDGES_NOW,
    kept="here.left_key, here.right_key",
    seen="estimates.identity_edges_seen",
    came="edges_came",
    gone="edges_gone",
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
        for watched in (_IDENTIFIERS, _EDGES):
            _take_in_changes(connection, watched)
        _find_touched(connection)
        looked_at = _resolve_again(connection)
        connection.execute("delete from estimates.identity_state")
        connection.execute("insert into estimates.identity_state values (?)", [made_by])
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


def _take_in_changes(connection: duckdb.DuckDBPyConnection, watched: _Watched) -> None:
    """Find what came and what is gone, and bring what is seen up to date."""
    _temporary(
        connection,
        "changes",
        f"""
        select {watched.kept}, here.row_hash, seen.row_hash as gone_hash
        from {watched.now} as here
        full join {watched.seen} as seen on here.row_hash = seen.row_hash
        where here.row_hash is null or seen.row_hash is null
        """,
    )
    _temporary(
        connection,
        watched.gone,
        f"select * from {watched.seen} where row_hash in (select gone_hash from changes)",
    )
    _temporary(
        connection,
        watched.came,
        # The same evidence twice is no more of it, and one of the two may come or go unnoticed.
        "select distinct * exclude (gone_hash) from changes where row_hash is not null",
    )
    connection.execute(
        f"delete from {watched.seen} where row_hash in (select row_hash from {watched.gone})"
    )
    connection.execute(f"insert into {watched.seen} select * from {watched.came}")


def _find_touched(connection: duckdb.DuckDBPyConnection) -> None:
    """``touched``: identifiers whose customer may differ now; ``around``: the evidence at them."""
    _temporary(
        connection,
        "flipped",
        """
        select key from identifiers_gone as gone full join identifiers_came as came using (key)
        where coalesce(gone.is_guarded, false) <> coalesce(came.is_guarded, false)
        """,
    )
    _temporary(
        connection,
        "seeds",
        f"""
        select key from identifiers_gone
        union
        select key from identifiers_came
        union
        {_ends("edges_gone")}
        union
        {_ends("edges_came")}
        union
        {_ends(f"({_edges_at('flipped')})")}
        """,
    )
    _temporary(
        connection,
        "inside",
        """
        select key from seeds
        union
        select key from estimates.identity_blocks
        where block in (
            select block from estimates.identity_blocks where key in (select key from seeds)
        )
        """,
    )
    _temporary(connection, "around", _edges_at("inside"))
    _temporary(
        connection,
        "devices",
        f"""
        select key from {_IDENTIFIERS.seen}
        where
            is_device
            and key in ({_ends("around")} except select key from inside)
        """,
    )
    _temporary(connection, "touched", "select key from inside union all select key from devices")
    connection.execute(
        f"""
        insert into around
        select at_devices.*
        from ({_edges_at("devices")}) as at_devices
        where
            left_key not in (select key from inside)
            and right_key not in (select key from inside)
        """
    )


def _resolve_again(connection: duckdb.DuckDBPyConnection) -> int:
    """Resolve the touched part, put it in the place of what was there, and give its size."""
    edges = connection.execute(
        f"""
        select distinct {", ".join(EDGES.names)} from {EDGES_NOW}
        where row_hash in (select row_hash from around)
        """
    ).to_arrow_table()
    # Beside the touched part stand guarded identifiers, and people who were met on its devices.
    _temporary(connection, "outside", f"{_ends('around')} except select key from touched")
    _temporary(
        connection,
        "looked_at",
        f"""
        select key from touched
        union
        select key from {_IDENTIFIERS.seen}
        where is_guarded and key in (select key from outside)
        """,
    )
    part = connection.execute(
        f"""
        select {", ".join(IDENTIFIERS.names)} from {IDENTIFIERS_NOW}
        where identifier_key in (select key from looked_at)
        """
    ).to_arrow_table()
    _temporary(
        connection,
        "beside",
        f"""
        select identifier from {IDENTIFIERS_NOW}
        where guard_reason is null and identifier_key in (select key from outside)
        """,
    )
    known = connection.execute(
        """
        select identifier, node, customer_id, valid_from, valid_to
        from beside left join estimates.identity_assignments using (identifier)
        """
    ).to_arrow_table()
    _replace(connection, resolve(part, edges, known.cast(ASSIGNMENTS)))
    return len(part)


def _replace(connection: duckdb.DuckDBPyConnection, resolved: Resolution) -> None:
    replaced = "hash(identifier) in (select key from looked_at)"
    touched = "in (select key from touched)"
    for name, table, stale, columns in (
        ("assignments", resolved.assignments, replaced, ", ".join(ASSIGNMENTS.names)),
        (
            "blocks",
            resolved.blocks,
            "key in (select key from looked_at)",
            "hash(identifier), hash(block)",
        ),
        (
            "exclusions",
            resolved.exclusions,
            f"(other_identifier is null and {replaced}) "
            f"or hash(identifier) {touched} or hash(other_identifier) {touched}",
            ", ".join(EXCLUSIONS.names),
        ),
    ):
        connection.execute(f"delete from estimates.identity_{name} where {stale}")
        connection.register("resolved", table)
        connection.execute(f"insert into estimates.identity_{name} select {columns} from resolved")
        connection.unregister("resolved")


def _edges_at(keys: str) -> str:
    """Evidence with an end among ``keys``, each piece once."""
    among = f"in (select key from {keys})"
    return f"""
        select * from {_EDGES.seen} where left_key {among}
        union all
        select * from {_EDGES.seen} where right_key {among} and left_key not {among}
        """


def _ends(edges: str) -> str:
    return f"select left_key as key from {edges} union select right_key as key from {edges}"


def _temporary(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    connection.execute(f"create or replace temp table {name} as {select}")


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = connection.execute(f"select count(*) from {table}").fetchall()[0]
    return int(count)
