"""Content hashes: do two tables hold the same rows?

The hash of a mart is free of row order, thread count and file layout, and sensitive to every value
and to how often a row occurs. Each row becomes one text (columns in name order, each value with its
length, null unlike empty), the text becomes an MD5, and the two halves of the MD5s are summed with
the number of rows. A sum, unlike an exclusive or, does not cancel when a row appears twice. It
guards against accidents, not against someone who forges rows.

DOUBLE and FLOAT columns stay outside `content`: they agree to 1e-9 between runs, not to the last
bit. `exact` holds them to the last bit and leaves out `as_of`, the date of the run: it tells
whether anything changed since another release.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

AS_OF = "as_of"


@dataclass(frozen=True)
class Column:
    """A column of a mart: its name and its DuckDB type, as in ``DECIMAL(18,4)``."""

    name: str
    type: str

    @property
    def is_float(self) -> bool:
        """True for DOUBLE and FLOAT, alone or inside a list, struct or map."""
        return "DOUBLE" in self.type or "FLOAT" in self.type

    @property
    def is_nested(self) -> bool:
        """True where the plain text of a value would be ambiguous, as in a list of texts."""
        return self.type.endswith("]") or self.type.startswith(("STRUCT", "MAP", "UNION"))


@dataclass(frozen=True)
class GroupSum:
    """Row count and summed row hashes of the rows of one `as_of` and one month.

    `content` sums rows without floats and without `as_of`, `exact` with floats and without `as_of`;
    both as the sums of the upper and the lower 64 bits. `last_date` is the latest finite date of
    the time column, if there is one.
    """

    as_of: dt.date | None
    month: str | None
    rows: int
    content: tuple[int, int]
    exact: tuple[int, int]
    last_date: dt.date | None


def quoted(identifier: str) -> str:
    """The name as a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[Column, ...]:
    """Columns of a relation (a quoted name or a table function call), in their own order."""
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return tuple(Column(name, kind) for name, kind, *_ in rows)


def _row_text(columns: Sequence[Column]) -> str:
    """SQL for one unambiguous text per row: ``<bytes>:<value>`` per column, ``-`` for null."""
    parts = []
    for column in sorted(columns, key=lambda column: column.name):
        name = quoted(column.name)
        if column.is_nested:
            value = f"to_json({name})::varchar"
        elif column.type == "TIMESTAMP WITH TIME ZONE":
            value = f"epoch_us({name})::varchar"  # its text depends on the zone of the session
        else:
            value = f"{name}::varchar"
        parts.append(f"coalesce(strlen({value}) || ':' || {value}, '-')")
    return f"concat({', '.join(parts)})" if parts else "''"


def _halves(hash_column: str) -> str:
    """SQL for the sums of the two 64-bit halves of a hash; HUGEINT holds 2^63 of them."""
    upper = f"sum(({hash_column} >> 64)::ubigint)"
    lower = f"sum(({hash_column} & 18446744073709551615::uhugeint)::ubigint)"
    return f"{upper}, {lower}"


def group_sums(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    *,
    time_column: str | None = None,
    by_month: bool = False,
) -> tuple[GroupSum, ...]:
    """Sum row hashes by `as_of` and, with `by_month`, by month of `time_column`, in one scan.

    Rows whose time is null or infinite have the month None. Empty tables give no groups.
    """
    body = [column for column in columns if column.name != AS_OF]
    counted = [column for column in body if not column.is_float]
    floats = [column for column in body if column.is_float]
    has_as_of = len(body) < len(columns)
    time = quoted(time_column) if time_column else "null::timestamp"
    finite = f"case when isfinite({time}) then {time} end"
    query = f"""
        select as_of, month, count(*), {_halves("content")}, {_halves("exact")}, max(time)::date
        from (
            select as_of, time, md5_number(counted) as content,
                {"strftime(time, '%Y-%m')" if by_month else "null::varchar"} as month,
                {"md5_number(counted || floats)" if floats else "md5_number(counted)"} as exact
            from (
                select {f"{quoted(AS_OF)}::date" if has_as_of else "null::date"} as as_of,
                    {finite} as time, {_row_text(counted)} as counted, {_row_text(floats)} as floats
                from {relation}
            )
        )
        group by as_of, month
        order by as_of, month
    """
    return tuple(
        GroupSum(as_of, month, rows, (upper, lower), (exact_upper, exact_lower), last_date)
        for as_of, month, rows, upper, lower, exact_upper, exact_lower, last_date in (
            connection.execute(query).fetchall()
        )
    )


def _digest(head: Iterable[str], lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join([*head, "", *lines]).encode()).hexdigest()


def _summed(groups: Sequence[GroupSum], field: str) -> str:
    sums: list[tuple[int, int]] = [getattr(group, field) for group in groups]
    rows = sum(group.rows for group in groups)
    return f"{rows} {sum(upper for upper, _ in sums)} {sum(lower for _, lower in sums)}"


def content_hash(columns: Sequence[Column], groups: Sequence[GroupSum]) -> str:
    """SHA-256 over names, types and rows of all columns but floats, `as_of` included."""
    head = sorted(f"{column.name} {column.type}" for column in columns if not column.is_float)
    lines = [
        f"{as_of} {_summed([group for group in groups if group.as_of == as_of], 'content')}"
        for as_of in sorted({group.as_of for group in groups}, key=str)
    ]
    return _digest(head, lines)


def exact_hash(columns: Sequence[Column], groups: Sequence[GroupSum]) -> str:
    """SHA-256 over names, types and rows of all columns but `as_of`, floats to the last bit."""
    head = sorted(f"{column.name} {column.type}" for column in columns)
    return _digest(head, [_summed(groups, "exact")])


def content_hashes(
    connection: duckdb.DuckDBPyConnection, marts: Iterable[str], schema: str = "marts"
) -> dict[str, str]:
    """The content hash of each mart (`schema`.`mart` of the connection), by mart name.

    Equal hashes mean equal columns (floats apart), equal types and equal rows, each as often, in
    any order.
    """
    hashes = {}
    for mart in sorted(marts):
        relation = f"{quoted(schema)}.{quoted(mart)}"
        columns = columns_of(connection, relation)
        hashes[mart] = content_hash(columns, group_sums(connection, relation, columns))
    return hashes
