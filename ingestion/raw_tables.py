"""The raw tables of the warehouse: made anew, or brought up to date with what a night changed.

Who wins is decided here, once, for every object, from its contract: append keeps all rows of all
live deliveries, upsert keeps the newest version of each key, snapshot keeps the newest file. SQL
after this point sees current rows only.

A night reads the deliveries that came and touches the rows that they replace; the rows of earlier
deliveries are not read again. Where nothing says what the tables were made from, or other code or
another configuration made them, they are made anew. The result is the same.

Tables beside those of the contracts:

=======================  =========================================================================
raw.changed_rows         keys and times of all rows that came or went since the facts were last
                         finished: what the facts have to rewrite
raw.order_months         a number of every order with the months in which rows speak of it, and
                         perhaps some in which rows did once: where to look for the rows of an order
loads.state              what the tables were made by, the number of this load, and up to which one
                         the facts were finished when it began
loads.applied            the deliveries that the tables were made from
loads.sums               rows and money in force, by delivery and currency
loads.keys_<table>       a hash of every key with its time: where a row may be that a new one
                         replaces. Only for records whose time may change: events have none, and
                         orders and their lines are found by the months of the order. Sorted within
                         a load, so that a hash takes four bytes
=======================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.contract import KEYED, MONEY, RATE, UTC_TIMESTAMP, VERSIONS, ObjectContract
from ingestion.facts_progress import FactsProgress
from ingestion.ledger import Delivery
from ingestion.raw_parquet import file_sha256, raw_path
from ingestion.settings import FileMapping
from ingestion.sql_text import literal, quoted

SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    UTC_TIMESTAMP: "timestamp",
    MONEY: "decimal(18, 4)",
    RATE: "decimal(24, 10)",
}

# Where a row came from says nothing about what it says.
_DELIVERY_COLUMNS = ("delivery_id", "delivery_row")

# The longest key of a contract but for its time: that of GA4's events.
_KEY_COLUMNS = 5

_TABLES = f"""
create schema if not exists raw;
create schema if not exists loads;
create table if not exists loads.state (
    basis varchar, load_number bigint, facts_load_number bigint
);
create table if not exists loads.applied (
    object varchar, source varchar, delivery_id varchar, version_key varchar, arrival bigint
);
create table if not exists loads.sums (
    delivery_id varchar, currency varchar, row_count bigint, amount_count bigint,
    amount decimal(38, 4)
);
create table if not exists raw.changed_rows (
    load_number bigint, object varchar, source varchar, id_space varchar, delivery_id varchar,
    {", ".join(f"key_{number} varchar" for number in range(1, _KEY_COLUMNS + 1))},
    order_id varchar, is_removed boolean, event_at timestamp
);
create table if not exists raw.order_months (order_number bigint, event_month date)
"""


class RawDamaged(Exception):
    """A raw file is not what the ledger says; the message names the file and the way out."""


@dataclass(frozen=True)
class RawObject:
    """A raw table: its contract, the mapping of each source, and the deliveries in force."""

    home: Path
    contract: ObjectContract
    mappings: Mapping[str, FileMapping]
    deliveries: Sequence[Delivery]

    @property
    def table(self) -> str:
        """The quoted name of the table."""
        return f"raw.{quoted(self.contract.table)}"

    @property
    def keys(self) -> str:
        """The quoted name of the table of its key hashes."""
        return f"loads.{quoted('keys_' + self.contract.table)}"

    @property
    def columns(self) -> str:
        """All columns, as a list in SQL."""
        return ", ".join(map(quoted, self.contract.raw_schema().names))

    @property
    def event_at(self) -> str:
        """The time of a row, as a timestamp in SQL."""
        return f"{quoted(self.contract.event_time)}::timestamp"

    @property
    def times_agree(self) -> list[str]:
        """How times are compared: each condition apart from the others, so that an equality skips
        other days, and a search for rows without a time the rows that have one.
        """
        present, other = f"present.{quoted(self.contract.event_time)}", "other.event_at"
        is_filled = self.contract.column(self.contract.event_time).required
        without = [] if is_filled else [f"{present} is null and {other} is null"]
        return [f"{present} = {other}", *without]

    def of(self, source: str) -> list[Delivery]:
        """The deliveries in force of one source."""
        return [item for item in self.deliveries if item.source == source]

    def key(self, source: str) -> list[str]:
        """The quoted raw columns that identify a record of a source."""
        return [quoted(name) for name in ("source", *self.key_names(source))]

    def key_names(self, source: str) -> list[str]:
        """The raw columns that identify a record within a source."""
        return [self._raw_name(name) for name in self.mappings[source].key]

    def _raw_name(self, name: str) -> str:
        if name == "occurrence":
            return name
        return self.contract.column(name).raw_fields()[0][0]

    def is_indexed(self, source: str) -> bool:
        """Whether a record may come again with another time, so that its time does not lead to it,
        and nothing else does. Events carry their time in their key.
        """
        mapping = self.mappings[source]
        return (
            mapping.mode == "upsert"
            and self.contract.event_time not in mapping.key
            and not self.is_of_order(source)
        )

    def is_of_order(self, source: str) -> bool:
        """Whether a record belongs to one order for good, so that the order's months lead to it."""
        return self.contract.order is not None and self.contract.order in self.key_names(source)

    def hash(self, source: str) -> str:
        """48 bits that tell keys apart: two of a million keys agree in one load of 250."""
        return f"(hash({', '.join(self.key(source))}) >> 16)"

    def files(self, deliveries: Iterable[Delivery]) -> str:
        """The raw Parquet of some deliveries, checked, as a relation in SQL.

        Raises RawDamaged where a file is missing or changed: a flipped bit would be a wrong sum.
        """
        paths = []
        for delivery in deliveries:
            path = raw_path(self.home, delivery.object, delivery.delivery_id)
            if not path.exists() or file_sha256(path) != delivery.raw_sha256:
                raise RawDamaged(
                    f"{path}: missing or changed since it was written. Remove it if it is there "
                    f"and run `rapport ingest {delivery.source}`: it is made anew from landing"
                )
            paths.append(literal(str(path)))
        return f"read_parquet([{', '.join(paths)}])"


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection,
    objects: Sequence[RawObject],
    basis: str,
    finished: int | None,
) -> FactsProgress:
    """Make the raw tables hold the rows in force. To be called inside a transaction, with the
    relation ``versions`` (delivery_id, version_key, arrival) in place.

    ``basis`` says what else than deliveries decides about the rows: a table made on another one is
    not trusted. ``finished`` is the load up to which the facts are finished.
    """
    connection.execute(_TABLES)
    state = connection.execute("select basis, load_number from loads.state").fetchone()
    last_basis, last_number = state or (None, 0)
    load_number = last_number + 1
    # A file that knows of more loads than the warehouse speaks of another warehouse.
    if last_basis != basis or (finished or 0) > last_number:
        finished = None
    if last_basis != basis:
        _make_anew(connection, objects)
    else:
        # What finished facts hold is no change any more; unfinished ones are made anew.
        connection.execute(
            "delete from raw.changed_rows where load_number <= coalesce(?, load_number)", [finished]
        )
        for item in objects:
            _update(connection, item, load_number)
        # At last, so that nothing is sought for the orders that came with this load.
        _add_order_months(
            connection,
            "select id_space, order_id, event_at from raw.changed_rows "
            f"where load_number = {load_number} and not is_removed",
        )
    connection.execute("delete from loads.state")
    connection.execute("insert into loads.state values (?, ?, ?)", [basis, load_number, finished])
    _remember(connection, objects)
    return FactsProgress(load_number, finished)


def _make_anew(connection: duckdb.DuckDBPyConnection, objects: Sequence[RawObject]) -> None:
    connection.execute("delete from loads.sums")
    connection.execute("delete from raw.changed_rows")
    connection.execute("delete from raw.order_months")
    for item in objects:
        selects = [
            _rows_in_force(item, source, item.files(item.of(source)))
            for source in sorted({delivery.source for delivery in item.deliveries})
        ]
        typed = ", ".join(
            f"{quoted(field.name)} {SQL_TYPES[field.type]}" for field in item.contract.raw_schema()
        )
        connection.execute(f"create or replace table {item.table} ({typed})")
        connection.execute(
            f"create or replace table {item.keys} (key_hash ubigint, event_at timestamp)"
        )
        for select in selects:
            # By time, so that a day is found without reading the others.
            connection.execute(
                f"insert into {item.table} select {item.columns} from ({select}) "
                f"order by {item.event_at}"
            )
        _count(connection, item, item.table, 1)
        for source in item.mappings:
            if item.is_indexed(source):
                _add_keys(
                    connection, item, source, f"{item.table} where source = {literal(source)}"
                )
    of_orders = [
        f"select id_space, {quoted(item.contract.order)} as order_id, "
        f"{item.event_at} as event_at from {item.table}"
        for item in objects
        if item.contract.order
    ]
    if of_orders:
        _add_order_months(connection, " union all ".join(of_orders))


def _update(connection: duckdb.DuckDBPyConnection, item: RawObject, load_number: int) -> None:
    """Apply what changed since the last load to one raw table."""
    before = {
        delivery_id: (source, version)
        for source, delivery_id, *version in connection.execute(
            "select source, delivery_id, version_key, arrival from loads.applied where object = ?",
            [item.contract.table],
        ).fetchall()
    }
    now = {delivery.delivery_id: delivery for delivery in item.deliveries}
    for source in sorted(
        {source for source, _ in before.values()} | {d.source for d in now.values()}
    ):
        new = [d for d in item.of(source) if d.delivery_id not in before]
        gone = [key for key, (owner, _) in before.items() if owner == source and key not in now]
        moved = any(
            before[d.delivery_id][1] != [d.version_key, d.arrival]
            for d in item.of(source)
            if d.delivery_id in before
        )
        if item.mappings[source].mode != "upsert":
            if not new and not gone:
                continue
            _find_swapped(connection, item, source, new, gone)
        elif gone or moved:
            _find_differences(connection, item, source)
        elif new:
            _find_replaced(connection, item, source, new)
        else:
            continue
        _apply(connection, item, source, load_number)


def _find_swapped(
    connection: duckdb.DuckDBPyConnection,
    item: RawObject,
    source: str,
    new: Sequence[Delivery],
    gone: Sequence[str],
) -> None:
    """Deliveries that count whole: their rows come and go whole."""
    listed = ", ".join(map(literal, gone)) or "null"
    arriving = _rows_in_force(item, source, item.files(new)) if new else _no_rows(item)
    _temporary(
        connection,
        "gone",
        f"select {item.columns} from {item.table} where delivery_id in ({listed})",
    )
    _temporary(connection, "come", arriving)


def _find_differences(connection: duckdb.DuckDBPyConnection, item: RawObject, source: str) -> None:
    """A version that won may be gone, so that any earlier one may win again: all are read."""
    current = f"select {item.columns} from {item.table} where source = {literal(source)}"
    deliveries = item.of(source)
    winning = _rows_in_force(item, source, item.files(deliveries)) if deliveries else _no_rows(item)
    _temporary(connection, "winning", winning)
    _temporary(connection, "gone", f"{current} except all select * from winning")
    _temporary(connection, "come", f"select * from winning except all {current}")


def _find_replaced(
    connection: duckdb.DuckDBPyConnection, item: RawObject, source: str, new: Sequence[Delivery]
) -> None:
    """New versions compete with those in force of the same keys."""
    columns = item.columns
    _temporary(connection, "arrived", f"select {columns} from {item.files(new)}")
    _temporary(
        connection,
        "met",
        _rows_of_orders_met(connection, item, source)
        if item.is_of_order(source)
        else _rows_met(connection, item, source),
    )
    _temporary(
        connection, "competing", f"select * from arrived union all select {columns} from met"
    )
    _temporary(connection, "winning", _rows_in_force(item, source, "competing"))
    row = "(delivery_id, delivery_row)"
    for name, rows, others in (("gone", "met", "winning"), ("come", "winning", "met")):
        _temporary(
            connection,
            name,
            f"select {columns} from {rows} anti join {others} using {row}",
        )


def _rows_met(connection: duckdb.DuckDBPyConnection, item: RawObject, source: str) -> str:
    """The rows in force of the keys that ``arrived``, found by their hashes and times."""
    places = f"{item.hash(source)} as key_hash, {item.event_at} as event_at from arrived"
    if item.is_indexed(source):
        _temporary(connection, "hashes", f"select {places}")
        places = (
            f"key_hash, event_at from {item.keys} where key_hash in (select key_hash from hashes)"
        )
    _temporary(connection, "places", f"select distinct {places}")
    # New keys meet nothing, and no row has to be read to know it.
    if not connection.execute("select 1 from places limit 1").fetchone():
        return _no_rows(item)
    return " union all ".join(
        f"""
        select {item.columns} from {item.table} as present
        semi join places as other on {times_agree} and other.key_hash = {item.hash(source)}
        where present.source = {literal(source)}
        """
        for times_agree in item.times_agree
    )


def _rows_of_orders_met(connection: duckdb.DuckDBPyConnection, item: RawObject, source: str) -> str:
    """The rows in force of the keys that ``arrived``, found by the months of their orders."""
    order_number = _order_number(quoted(item.contract.order or ""))
    months = connection.execute(
        f"""
        select distinct event_month from raw.order_months
        where order_number in (select {order_number} from arrived)
        order by event_month
        """
    ).fetchall()
    if not months:
        return _no_rows(item)
    # Written out, so that the engine skips what lies outside.
    within = " or ".join(
        f"({item.event_at} >= '{month}'::date "
        f"and {item.event_at} < '{month}'::date + interval 1 month)"
        if month
        else f"{item.event_at} is null"
        for (month,) in months
    )
    return f"""
        select {item.columns} from {item.table}
        where
            source = {literal(source)}
            and ({within})
            and {item.hash(source)} in (select {item.hash(source)} from arrived)
        """


def _apply(
    connection: duckdb.DuckDBPyConnection, item: RawObject, source: str, load_number: int
) -> None:
    """Take ``gone`` out, put ``come`` in, and enter both in the books."""
    # Nothing gone, as in most nights: no row has to be read to know it.
    is_gone = connection.execute("select 1 from gone limit 1").fetchone()
    for times_agree in item.times_agree if is_gone else ():
        connection.execute(
            f"""
            delete from {item.table} as present
            using (select *, {item.event_at} as event_at from gone) as other
            where
                {times_agree}
                and present.delivery_id = other.delivery_id
                and present.delivery_row = other.delivery_row
            """
        )
    connection.execute(
        f"insert into {item.table} select {item.columns} from come order by {item.event_at}"
    )
    for name, sign in (("gone", -1), ("come", 1)):
        _count(connection, item, name, sign)
        _enter_changes(connection, item, name, load_number, is_removed=sign < 0)
    if item.is_indexed(source):
        _add_keys(connection, item, source, "come")


def _enter_changes(
    connection: duckdb.DuckDBPyConnection,
    item: RawObject,
    rows: str,
    load_number: int,
    *,
    is_removed: bool,
) -> None:
    contract = item.contract
    # Without a key, the first column is the record that a row is part of.
    key = [
        name if name == "occurrence" else contract.column(name).raw_fields()[0][0]
        for name in contract.key or (contract.columns[0].name,)
    ]
    parts = [f"{quoted(name)}::varchar" for name in key] + ["null"] * _KEY_COLUMNS
    order_id = quoted(contract.order) if contract.order else "null"
    connection.execute(
        f"""
        insert into raw.changed_rows
        select
            {load_number}, {literal(contract.table)}, source, id_space, delivery_id,
            {", ".join(parts[:_KEY_COLUMNS])}, {order_id}, {is_removed}, {item.event_at}
        from {rows}
        """
    )


def _count(connection: duckdb.DuckDBPyConnection, item: RawObject, rows: str, sign: int) -> None:
    """Add the rows and the money of some rows to those in force, or take them away."""
    contract = item.contract
    amount = quoted(contract.money_amount) if contract.money_amount else "null::decimal(18, 4)"
    # XXX: ISO 4217 for no currency, as in the ledger.
    currency = (
        f"coalesce({quoted(contract.money_currency)}, 'XXX')" if contract.money_currency else "null"
    )
    connection.execute(
        f"""
        create or replace temp table sums_before as select * from loads.sums;
        delete from loads.sums;
        insert into loads.sums
        select
            delivery_id, currency, sum(row_count), sum(amount_count), sum(amount)
        from (
            select * from sums_before
            union all
            select
                delivery_id, {currency}, {sign} * count(*), {sign} * count({amount}),
                {sign} * coalesce(sum({amount}), 0)
            from {rows} group by all
        )
        group by all having sum(row_count) <> 0
        """
    )


def _add_keys(
    connection: duckdb.DuckDBPyConnection, item: RawObject, source: str, rows: str
) -> None:
    connection.execute(
        f"""
        insert into {item.keys}
        select distinct {item.hash(source)} as key_hash, {item.event_at} from {rows}
        order by key_hash
        """
    )


def _add_order_months(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """``rows``: a query of id_space, order_id and event_at."""
    # Sorted, so that a number takes few bytes.
    connection.execute(
        f"""
        insert into raw.order_months
        select distinct
            {_order_number("order_id")} as order_number,
            date_trunc('month', event_at)::date as event_month
        from ({rows}) as of_orders where order_id is not null
        except select * from raw.order_months
        order by event_month, order_number
        """
    )


def _order_number(order_id: str) -> str:
    """As the macro text_number counts."""
    return f"(hash(id_space || '|' || {order_id}) >> 24)::bigint"


def _remember(connection: duckdb.DuckDBPyConnection, objects: Sequence[RawObject]) -> None:
    deliveries = [delivery for item in objects for delivery in item.deliveries]
    names = ("object", "source", "delivery_id", "version_key", "arrival")
    applied = pa.table(
        {name: [getattr(delivery, name) for delivery in deliveries] for name in names},
        schema=pa.schema(
            [(name, pa.int64() if name == "arrival" else pa.string()) for name in names]
        ),
    )
    connection.register("applied_now", applied)
    connection.execute("delete from loads.applied")
    connection.execute("insert into loads.applied select * from applied_now")
    connection.unregister("applied_now")


def _temporary(connection: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    connection.execute(f"create or replace temp table {name} as {select}")


def _no_rows(item: RawObject) -> str:
    return f"select {item.columns} from {item.table} where false"


# --- which rows count


def _rows_in_force(item: RawObject, source: str, rows: str) -> str:
    """The rows of ``rows`` that count under the mode of the source's mapping."""
    contract, mapping = item.contract, item.mappings[source]
    if mapping.mode != "upsert":
        return f"select {item.columns} from {rows}"
    key = ", ".join(item.key(source))
    # Equal versions are told apart by content, so that the order of deliveries cannot show: the one
    # that says most is taken, for a vendor may leave out what was not asked for. Then by what is
    # not keyed first, so that another key does not choose other rows.
    names = [name for name in contract.raw_schema().names if name not in _DELIVERY_COLUMNS]
    keyed = {
        name
        for column in contract.columns
        if column.type in (*KEYED, "email_list")
        for name, _ in column.raw_fields()
    }
    filled = " + ".join(f"({quoted(name)} is not null)::int" for name in names)
    plain = f"hash({', '.join(quoted(name) for name in names if name not in keyed)})"
    whole = f"hash({', '.join(map(quoted, names))})"
    if contract.block:
        return _blocks_in_force(item.columns, rows, key, (filled, plain, whole), mapping)
    # Nearly all keys are there once: only the others go through the sort, which holds whole rows.
    return f"""
        with doubled as (
            select {item.hash(source)} as key_hash from {rows} group by 1 having count(*) > 1
        )
        select {item.columns} from {rows} as raw_rows
        anti join doubled on {item.hash(source)} = key_hash
        union all
        select {item.columns} from (
            select raw_rows.*, row_number() over (
                partition by {key}
                order by
                    {_version(mapping)} {filled} desc, {plain} desc, {whole} desc,
                    delivery_id, delivery_row
            ) as place
            from {rows} as raw_rows
            semi join doubled on {item.hash(source)} = key_hash
            inner join versions using (delivery_id)
        ) where place = 1
        """


def _blocks_in_force(
    columns: str, rows: str, key: str, contents: tuple[str, str, str], mapping: FileMapping
) -> str:
    """The newest block of each key whole: a line that a newer export no longer holds is gone."""
    filled, plain, whole = contents
    version = "" if mapping.version in VERSIONS else f"max({quoted(mapping.version)}) as version,"
    order = _version(replace(mapping, version="version")) if version else _version(mapping)
    return f"""
        with numbered as (
            select raw_rows.*, version_key, arrival, delivery_row - occurrence as block
            from {rows} as raw_rows inner join versions using (delivery_id)
        ),
        blocks as (
            select
                {key}, delivery_id, block, {version}
                max(version_key) as version_key, max(arrival) as arrival,
                sum({filled}) as filled, bit_xor({plain}) as plain, bit_xor({whole}) as whole
            from numbered group by {key}, delivery_id, block
        ),
        newest as (
            select *, row_number() over (
                partition by {key}
                order by {order} filled desc, plain desc, whole desc, delivery_id, block
            ) as place
            from blocks
        )
        select {columns} from numbered
        inner join (select delivery_id, block from newest where place = 1)
            using (delivery_id, block)
        """


def _version(mapping: FileMapping) -> str:
    """Which row of a key comes first. Under one file name, the content that arrived later is
    newer.
    """
    orders = {
        "content": "",
        "file_name": "version_key desc, arrival desc,",
        "received": "arrival desc,",
    }
    return orders.get(mapping.version, f"{quoted(mapping.version)} desc nulls last,")
