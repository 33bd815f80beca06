"""Content hashes tell equal tables from unequal ones, whatever their order."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publishing.content import content_hashes

Row = tuple[object, ...]

SCHEMA = pa.schema(
    [
        ("a", pa.string()),
        ("b", pa.string()),
        ("amount", pa.decimal128(18, 4)),
        ("at", pa.timestamp("us")),
        ("points", pa.float64()),
        ("as_of", pa.date32()),
    ]
)

row = st.tuples(
    st.one_of(st.none(), st.text(max_size=4)),
    st.one_of(st.none(), st.sampled_from(["", "-", "1:x", "x"])),
    st.one_of(st.none(), st.decimals(-99, 99, places=4)),
    st.one_of(st.none(), st.datetimes()),
    st.floats(allow_nan=False),
    st.dates(),
)
rows = st.lists(row, max_size=5)

# The connection outlives an example on purpose: each example replaces the table.
examples = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("create schema marts")
    return connection


def hash_of_rows(connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> str:
    arrays = zip(*rows, strict=True) if rows else [[] for _ in SCHEMA]
    table = pa.Table.from_arrays(
        [pa.array(list(v), f.type) for v, f in zip(arrays, SCHEMA, strict=True)], schema=SCHEMA
    )
    connection.register("rows", table)
    connection.execute("create or replace table marts.t as select * from rows")
    return content_hashes(connection, ["t"])["t"]


def hash_of(rows: list[Row], columns: str) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"create schema marts; create table marts.t ({columns})")
        marks = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into marts.t values ({marks})", rows)
        return content_hashes(connection, ["t"])["t"]


def without_floats(rows: list[Row]) -> list[str]:
    """The rows as a multiset of what the hash covers; 1.50 and 1.5 are the same amount."""
    return sorted(
        repr((a, b, amount if amount is None else f"{Decimal(str(amount)) + 0:.4f}", at, as_of))
        for a, b, amount, at, _, as_of in rows
    )


@examples
@given(data=st.data(), rows=rows)
def test_row_order_does_not_change_the_hash(
    connection: duckdb.DuckDBPyConnection, data: st.DataObject, rows: list[Row]
) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert hash_of_rows(connection, shuffled) == hash_of_rows(connection, rows)


@examples
@given(rows=rows, row=row)
def test_a_row_twice_is_not_a_row_once_nor_none(
    connection: duckdb.DuckDBPyConnection, rows: list[Row], row: Row
) -> None:
    hashes = {hash_of_rows(connection, [*rows, *[row] * times]) for times in range(4)}
    assert len(hashes) == 4


@examples
@given(first=rows, second=rows)
def test_equal_hashes_mean_equal_rows(
    connection: duckdb.DuckDBPyConnection, first: list[Row], second: list[Row]
) -> None:
    are_equal = without_floats(first) == without_floats(second)
    assert (hash_of_rows(connection, first) == hash_of_rows(connection, second)) == are_equal


def test_threads_and_large_tables_do_not_change_the_hash() -> None:
    hashes = set()
    for threads, order in ((1, "asc"), (4, "desc")):
        with duckdb.connect(config={"threads": threads}) as connection:
            connection.execute(
                "create schema marts; create table marts.t as select 'id' || i as id,"
                f" (i / 7)::decimal(18, 4) as amount from range(300000) as r (i) order by i {order}"
            )
            hashes |= set(content_hashes(connection, ["t"]).values())
    assert len(hashes) == 1


def test_null_is_not_empty_and_values_do_not_run_together() -> None:
    texts = "a text, b text"
    hashes = [
        hash_of([pair], texts)
        for pair in [("ab", "c"), ("a", "bc"), (None, "c"), ("", "c"), ("c", None), ("-", "c")]
    ]
    assert len(set(hashes)) == len(hashes)


def test_column_order_does_not_matter_but_names_and_types_do() -> None:
    here = hash_of([("x", 1)], "a text, b integer")
    assert hash_of([(1, "x")], "b integer, a text") == here
    assert hash_of([("x", 1)], "a text, c integer") != here
    assert hash_of([("x", 1)], "a text, b bigint") != here


def test_the_last_decimal_counts_and_the_last_bit_of_a_float_does_not() -> None:
    columns = "amount decimal(18, 4), points double"
    here = hash_of([(Decimal("12345678901234.0001"), 0.1 + 0.2)], columns)
    assert hash_of([(Decimal("12345678901234.0001"), 0.3)], columns) == here
    assert hash_of([(Decimal("12345678901234.0002"), 0.3)], columns) != here


def test_lists_and_zoned_times_have_one_text_each() -> None:
    assert hash_of([(["a, b"],)], "a text[]") != hash_of([(["a", "b"],)], "a text[]")
    hashes = set()
    for zone in ("Asia/Jakarta", "Europe/Oslo"):
        with duckdb.connect() as connection:
            connection.execute(f"set timezone = '{zone}'; create schema marts")
            connection.execute(
                "create table marts.t as select timestamptz '2026-01-01 00:00:00+00' t"
            )
            hashes |= set(content_hashes(connection, ["t"]).values())
    assert len(hashes) == 1
