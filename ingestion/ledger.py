"""The ledger: which deliveries there are and what became of every row and amount.

A file under its final name without an entry here does not exist for readers. Entries are written in
one transaction, after the files they speak of are durable. SQLite in the data home: safe against
kills and against two writers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path

SCHEMA = """
create table if not exists deliveries (
    delivery_id text primary key,
    source text not null,
    object text not null,
    entry integer not null,
    file_name text not null,
    sha256 text not null,
    bytes integer not null,
    version_key text not null,
    arrival integer not null,
    reading text not null,
    received_at text not null,
    rows_in_file integer not null,
    rows_filtered integer not null,
    rows_delivered integer not null,
    rows_quarantined integer not null,
    data_from text,
    data_through text,
    raw_sha256 text not null,
    header text not null,
    duplicate_of text,
    status text not null check (status in ('accepted', 'duplicate', 'rejected')),
    status_reason text not null default ''
);
create index if not exists deliveries_by_content on deliveries (source, object, sha256);
create table if not exists delivery_amounts (
    delivery_id text not null,
    currency text not null,
    outcome text not null check (outcome in ('accepted', 'quarantined')),
    reason text not null,
    row_count integer not null,
    amount text not null,
    primary key (delivery_id, currency, outcome, reason)
);
create table if not exists delivery_notes (
    delivery_id text not null,
    note text not null,
    primary key (delivery_id, note)
);
create table if not exists replaced_deliveries (
    source text not null,
    object text not null,
    delivery_id text primary key
);
create table if not exists seen_files (
    source text not null,
    file_name text not null,
    bytes integer,
    changed text not null,
    reading text not null,
    primary key (source, file_name)
);
create table if not exists source_runs (
    source text primary key,
    run_at text not null,
    status text not null check (status in ('done', 'failed')),
    error text not null
);
"""


@dataclass(frozen=True)
class Delivery:
    """A file of one object, as the ledger knows it. Times are UTC in ISO 8601.

    ``entry`` is the number of the file mapping among those of its contract, ``arrival`` a counter
    that does not depend on clocks, ``reading`` the fingerprint of mapping and key, ``header`` the
    file's field names as a JSON list, if it lists them.
    """

    delivery_id: str
    source: str
    object: str
    entry: int
    file_name: str
    sha256: str
    bytes: int
    version_key: str
    arrival: int
    reading: str
    received_at: str
    rows_in_file: int
    rows_filtered: int
    rows_delivered: int
    rows_quarantined: int
    data_from: str | None
    data_through: str | None
    raw_sha256: str = ""
    header: str = ""
    duplicate_of: str | None = None
    status: str = "accepted"
    status_reason: str = ""


@dataclass(frozen=True)
class Amount:
    """Money of a delivery: ``row_count`` rows of one currency and outcome, for one reason."""

    currency: str
    outcome: str
    reason: str
    row_count: int
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """A delivery with its money, what is worth a note about it, and the delivery that it replaces,
    if any.
    """

    delivery: Delivery
    amounts: tuple[Amount, ...] = ()
    notes: tuple[str, ...] = ()
    replaces: str | None = None


@dataclass(frozen=True)
class SeenFile:
    """A file of a source's folder that is wholly taken in: as long as nothing here changes it is
    not opened again.
    """

    file_name: str
    bytes: int | None
    changed: str
    reading: str


@dataclass(frozen=True)
class SourceRun:
    """How a source's last ingest ended."""

    source: str
    run_at: str
    status: str
    error: str


class Ledger:
    """The open ledger of a data home."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            home / "ledger.sqlite", timeout=60, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma synchronous = full")
        with self._transaction():
            for statement in SCHEMA.split(";\n"):
                self._connection.execute(statement)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def seen(self, source: str) -> dict[str, SeenFile]:
        """Files that were taken in, by path."""
        rows = self._connection.execute(
            "select file_name, bytes, changed, reading from seen_files where source = ?", (source,)
        )
        return {row["file_name"]: SeenFile(**dict(row)) for row in rows}

    def deliveries(self, source: str | None = None) -> list[Delivery]:
        """All deliveries, or those of one source, by file name and object."""
        rows = self._connection.execute(
            "select * from deliveries where ? is null or source = ? "
            "order by source, object, file_name, delivery_id",
            (source, source),
        )
        return [
            Delivery(**{item.name: row[item.name] for item in fields(Delivery)}) for row in rows
        ]

    def amounts(self) -> Iterator[tuple[str, Amount]]:
        """Delivery id and amount, in a fixed order."""
        for row in self._connection.execute(
            "select * from delivery_amounts order by delivery_id, currency, outcome, reason"
        ):
            values = dict(row)
            delivery_id = values.pop("delivery_id")
            yield delivery_id, Amount(**{**values, "amount": Decimal(values["amount"])})

    def notes(self) -> dict[str, list[str]]:
        """What is worth a note about a delivery, by its id: a column that is gone, addresses that
        are none…
        """
        notes: dict[str, list[str]] = {}
        for row in self._connection.execute(
            "select * from delivery_notes order by delivery_id, note"
        ):
            notes.setdefault(row["delivery_id"], []).append(row["note"])
        return notes

    def record(
        self,
        source: str,
        entries: Iterable[Entry],
        files: Iterable[SeenFile] = (),
        returned: Mapping[str, int] | None = None,
    ) -> None:
        """Enter deliveries, that files were taken in, and new arrivals of old content, in one
        transaction.
        """
        with self._transaction():
            for entry in entries:
                if entry.replaces and entry.replaces != entry.delivery.delivery_id:
                    replaced = (source, entry.delivery.object, entry.replaces)
                    self._remove(entry.replaces)
                    self._connection.execute(
                        "insert or replace into replaced_deliveries values (?, ?, ?)", replaced
                    )
                    self._connection.execute(
                        "update deliveries set duplicate_of = ? where duplicate_of = ?",
                        (entry.delivery.delivery_id, entry.replaces),
                    )
                self._remove(entry.delivery.delivery_id)
                self._insert("deliveries", [asdict(entry.delivery)])
                identity: dict[str, object] = {"delivery_id": entry.delivery.delivery_id}
                amounts = [asdict(item) | {"amount": str(item.amount)} for item in entry.amounts]
                self._insert("delivery_amounts", [identity | item for item in amounts])
                self._insert("delivery_notes", [identity | {"note": note} for note in entry.notes])
            self._insert("seen_files", [{"source": source} | asdict(file) for file in files])
            for delivery_id, arrival in (returned or {}).items():
                self._connection.execute(
                    "update deliveries set arrival = ? where delivery_id = ?",
                    (arrival, delivery_id),
                )

    def replaced(self, source: str) -> list[tuple[str, str]]:
        """Object and id of deliveries whose files are of no more use, and may still lie on disk."""
        rows = self._connection.execute(
            "select object, delivery_id from replaced_deliveries where source = ? order by 1, 2",
            (source,),
        )
        return [(row["object"], row["delivery_id"]) for row in rows]

    def forget_replaced(self, source: str) -> None:
        """Their files are gone from disk."""
        with self._transaction():
            self._connection.execute("delete from replaced_deliveries where source = ?", (source,))

    def set_status(self, delivery_id: str, status: str, reason: str) -> bool:
        """Take a delivery out ('rejected') or let it in ('accepted'); False where there is none."""
        with self._transaction():
            done = self._connection.execute(
                "update deliveries set status = ?, status_reason = ? where delivery_id = ?",
                (status, reason, delivery_id),
            )
        return done.rowcount == 1

    def record_run(self, run: SourceRun) -> None:
        """Remember how a source's ingest ended."""
        with self._transaction():
            self._insert("source_runs", [asdict(run)])

    def runs(self) -> dict[str, SourceRun]:
        """The last run of every source."""
        rows = self._connection.execute("select * from source_runs order by source")
        return {row["source"]: SourceRun(**dict(row)) for row in rows}

    def _remove(self, delivery_id: str) -> None:
        for table in (
            "deliveries",
            "delivery_amounts",
            "delivery_notes",
            "replaced_deliveries",
        ):
            self._connection.execute(f"delete from {table} where delivery_id = ?", (delivery_id,))

    def _insert(self, table: str, rows: Sequence[dict[str, object]]) -> None:
        if not rows:
            return
        names = ", ".join(rows[0])
        marks = ", ".join(f":{name}" for name in rows[0])
        self._connection.executemany(
            f"insert or replace into {table} ({names}) values ({marks})", rows
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise


@contextmanager
def open_ledger(home: Path) -> Iterator[Ledger]:
    """The ledger of ``home``, closed afterwards."""
    ledger = Ledger(home)
    try:
        yield ledger
    finally:
        ledger.close()
