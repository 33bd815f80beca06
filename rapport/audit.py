"""`rapport audit`: everything made anew from raw Parquet, beside the warehouse of the nights, and
the two compared table by table.

Counts, texts, dates and decimals must be equal, floats to 1e-9. To be run weekly: a nightly run
touches only what changed and would not see an old fault again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.sql_text import literal, quoted
from ingestion.warehouse import warehouse_path
from rapport import steps

# What decides about a build, shared with the scratch home as it is.
SHARED = ("raw", "vault", "rapport.yml")
LAYERS = ("intermediate", "marts")
TOLERANCE = 1e-9
ROWS_SHOWN = 3

# How a night came about is not what it found: these are empty after a full rebuild.
ABOUT_THE_NIGHT = "int_touched_"


@dataclass(frozen=True)
class Difference:
    """A table that differs; ``rows`` are the first rows that stand on one side only."""

    table: str
    what: str
    rows: tuple[str, ...] = ()


def audit(home: Path, progress: Callable[[str], None] = lambda text: None) -> list[Difference]:
    """Rebuild in a scratch home and compare; empty where the warehouse is right.

    Raises steps.BuildInterrupted where the warehouse was not built from the deliveries there are.
    """
    as_of = steps.finished_build(home)
    scratch = home / "_staging" / "audit"
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        scratch_home(home, scratch)
        steps.build_marts(scratch, progress, as_of, gates=False)
        progress("comparing")
        return differences(warehouse_path(home), warehouse_path(scratch))


def scratch_home(home: Path, scratch: Path) -> None:
    """A home with the same deliveries, configuration and key, and no warehouse yet."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name in SHARED:
        (scratch / name).symlink_to((home / name).absolute())
    # A copy: the audit enters nothing in the books.
    shutil.copyfile(home / "ledger.sqlite", scratch / "ledger.sqlite")


def differences(warehouse: Path, rebuilt: Path) -> list[Difference]:
    """Compare all tables of two warehouse files, layer by layer."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(warehouse))} as nightly (read_only)")
        connection.execute(f"attach {literal(str(rebuilt))} as rebuilt (read_only)")
        found = []
        nightly, anew = (_tables(connection, name) for name in ("nightly", "rebuilt"))
        for table in sorted({*nightly, *anew}):
            if table not in nightly or table not in anew:
                side = "the rebuilt one" if table in anew else "the nightly one"
                found.append(Difference(table, f"is only in {side}"))
            elif nightly[table] != anew[table]:
                found.append(Difference(table, "has other columns"))
            else:
                found += _compare(connection, table, nightly[table])
        return found


Columns = Sequence[tuple[str, str]]


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, Columns]:
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "semi join duckdb_tables() using (database_name, schema_name, table_name) "
        "where database_name = ? and schema_name in (select unnest(?)) "
        "order by schema_name, table_name, column_index",
        [catalog, list(LAYERS)],
    ).fetchall()
    tables: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind in rows:
        if not table.startswith(ABOUT_THE_NIGHT):
            tables.setdefault(f"{schema}.{table}", []).append((column, kind))
    return {table: tuple(columns) for table, columns in tables.items()}


def _compare(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Columns
) -> list[Difference]:
    exact = [quoted(name) for name, kind in columns if kind not in ("DOUBLE", "FLOAT")]
    floats = [quoted(name) for name, kind in columns if kind in ("DOUBLE", "FLOAT")]
    # Sums of hashes: whatever the order, and without holding millions of rows.
    sums = {
        side: connection.execute(
            f"select count(*), sum(hash({', '.join(exact)})::hugeint) from {side}.{table}"
        ).fetchone()
        for side in ("nightly", "rebuilt")
    }
    if sums["nightly"] != sums["rebuilt"]:
        return [_different_rows(connection, table, exact, sums)]
    return _different_floats(connection, table, exact, floats) if floats else []


def _different_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    exact: Sequence[str],
    sums: dict[str, tuple[int, ...] | None],
) -> Difference:
    listed = ", ".join(exact)
    rows = []
    for side, other in (("nightly", "rebuilt"), ("rebuilt", "nightly")):
        only = connection.execute(
            f"select {listed} from {side}.{table} except all select {listed} from {other}.{table} "
            f"order by all limit {ROWS_SHOWN}"
        ).fetchall()
        rows += [f"only {side}: {row}" for row in only]
    counts = {side: row[0] for side, row in sums.items() if row}
    return Difference(
        table, f"{counts['nightly']} rows nightly, {counts['rebuilt']} rebuilt", tuple(rows)
    )


def _different_floats(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    exact: Sequence[str],
    floats: Sequence[str],
) -> list[Difference]:
    ordered = ", ".join((*exact, *(f"round({name}, 6)" for name in floats)))
    numbered = "(select row_number() over (order by {0}) as place, {1} from {2}.{3})"
    pairs = " or ".join(
        f"(nightly.{name} is null) <> (rebuilt.{name} is null) or abs(nightly.{name} - "
        f"rebuilt.{name}) > {TOLERANCE} * greatest(1, abs(rebuilt.{name}))"
        for name in floats
    )
    listed = ", ".join((*exact, *floats))
    rows = connection.execute(
        f"select nightly.*, rebuilt.* from {numbered.format(ordered, listed, 'nightly', table)} "
        f"as nightly inner join {numbered.format(ordered, listed, 'rebuilt', table)} as rebuilt "
        f"using (place) where {pairs} order by place limit {ROWS_SHOWN}"
    ).fetchall()
    if not rows:
        return []
    return [Difference(table, "floats differ by more than 1e-9", tuple(map(str, rows)))]
