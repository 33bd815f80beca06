"""A SQLAlchemy dialect for DuckDB whose results survive the connection they came from.

Great Expectations reads a result after its connection went back to the pool. With stock
duckdb-engine all cursors of a connection share one DuckDB result, so the rows are gone by then
(``list index out of range``) or belong to another query. Here every cursor copies its rows when it
executes.

The connection is read-only, and `schema` is the schema that unqualified table names mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, cast

import duckdb
import sqlalchemy as sa
from duckdb_engine import Dialect
from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL, Connection
from sqlalchemy.engine.interfaces import (
    DBAPIConnection,
    ReflectedColumn,
    ReflectedPrimaryKeyConstraint,
)

NAME = "rapport_warehouse"
CONNECTION_STRING = f"{NAME}://"

Row = tuple[Any, ...]

COLUMNS = """
    select column_name, is_nullable
    from duckdb_columns()
    where schema_name = coalesce(:schema, current_schema()) and table_name = :table
    order by column_index
"""


class BufferedCursor:
    """A DBAPI cursor that owns its rows."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: BufferedConnection) -> None:
        self.connection = connection
        self.description: Sequence[Row] | None = None
        self._rows: Iterator[Row] = iter(())

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        result = self.connection.duckdb.execute(statement, parameters or None)
        self.description = result.description
        self._rows = iter(result.fetchall() if result.description else [])

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Row]:
        return list(itertools.islice(self._rows, size))

    def fetchall(self) -> list[Row]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


class BufferedConnection:
    """A DBAPI connection that hands every caller a cursor of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.duckdb = connection
        # duckdb-engine's parent, the Postgres dialect, reads the server's notices.
        self.notices: list[str] = []

    def cursor(self) -> BufferedCursor:
        return BufferedCursor(self)

    # Read-only and alone on the file: there is nothing to begin, keep or undo, and a transaction
    # around every query would take a fifth of a gate's time.
    def begin(self) -> None:
        pass

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self.duckdb.close()


class BufferedDialect(Dialect):
    """duckdb-engine's dialect on buffered cursors."""

    supports_statement_cache = False

    def connect(self, *cargs: Any, **cparams: Any) -> DBAPIConnection:
        # The same options as everywhere else in Rapport: DuckDB refuses a second connection of one
        # process to a file with other options, and stock duckdb-engine adds a user agent.
        connection = duckdb.connect(cparams["database"], read_only=True)
        connection.execute(f'set schema = "{cparams["schema"]}"')
        return cast(DBAPIConnection, BufferedConnection(connection))

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        return pool.QueuePool

    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> list[ReflectedColumn]:
        """Column names from DuckDB's catalogue: pg_catalog takes 50 ms per table."""
        rows = connection.execute(sa.text(COLUMNS), {"schema": schema, "table": str(table_name)})
        return [
            ReflectedColumn(name=name, type=sa.types.NullType(), nullable=nullable, default=None)
            for name, nullable in rows
        ]

    def get_pk_constraint(
        self, connection: Connection, table_name: str, schema: str | None = None, **_: Any
    ) -> ReflectedPrimaryKeyConstraint:
        """None: no table of the warehouse declares a primary key (its tests and gates do)."""
        return ReflectedPrimaryKeyConstraint(constrained_columns=[], name=None)


registry.register(NAME, __name__, BufferedDialect.__name__)
