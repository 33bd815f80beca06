"""The ledger: which deliveries there are and what became of every row and amount.

A file under its final name without an entry here does not exist for readers. Entries are written in one transaction,
after the files they speak of are durable. SQLite in the data home: safe against kills and against two writers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
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
    reading text not null,
    received_at text not null,
    rows_in_file integer not null,
    rows_filtered integer not null,
    rows_delivered integer not null,
    rows_quarantined integer not null,
    data_from text,
    data_through text,
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
create table if not exists seen_files (
    source text not null,
    file_name text not null,
    bytes integer not null,
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
    """A file of one object, as the ledger knows it. Times are UTC in ISO 8601."""

    delivery_id: str
    source: str
    object: str
    entry: int
    file_name: str
    sha256: str
    bytes: int
    version_key: str
    reading: str
    received_at: str
    rows_in_file: int
    rows_filtered: int
    rows_delivered: int
    rows_quarantined: int
    data_from: str | None
    data_through: str | None
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
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def seen(self, source: str) -> dict[str, tuple[int, str, str]]:
        """Files known by path: size, mark of change, reading."""
        rows = self._connection.execute("select * from seen_files where source = ?", (source,))
        return {row["file_name"]: (row["bytes"], row["changed"], row["reading"]) for row in rows}

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
            yield (
                row["delivery_id"],
                Amount(
                    row["currency"],
                    row["outcome"],
                    row["reason"],
                    row["row_count"],
                    Decimal(row["amount"]),
                ),
            )

    def record(
        self,
        source: str,
        file: tuple[str, int, str, str] | None,
        entries: Iterable[tuple[Delivery, Iterable[Amount]]],
    ) -> None:
        """Enter all deliveries of one file, and that the file was seen, in one transaction."""
        with self._transaction():
            for delivery, amounts in entries:
                row = asdict(delivery)
                marks = ", ".join(f":{name}" for name in row)
                self._connection.execute(
                    f"insert or replace into deliveries ({', '.join(row)}) values ({marks})", row
                )
                self._connection.execute(
                    "delete from delivery_amounts where delivery_id = ?", (delivery.delivery_id,)
                )
                self._connection.executemany(
                    "insert into delivery_amounts values (?, ?, ?, ?, ?, ?)",
                    [
                        (
                            delivery.delivery_id,
                            item.currency,
                            item.outcome,
                            item.reason,
                            item.row_count,
                            str(item.amount),
                        )
                        for item in amounts
                    ],
                )
            if file:
                self._connection.execute(
                    "insert or replace into seen_files values (?, ?, ?, ?, ?)", (source, *file)
                )

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
            self._connection.execute(
                "insert or replace into source_runs values (:source, :run_at, :status, :error)",
                asdict(run),
            )

    def runs(self) -> dict[str, SourceRun]:
        """The last run of every source."""
        rows = self._connection.execute("select * from source_runs order by source")
        return {row["source"]: SourceRun(**dict(row)) for row in rows}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")


@contextmanager
def open_ledger(home: Path) -> Iterator[Ledger]:
    """The ledger of ``home``, closed afterwards."""
    ledger = Ledger(home)
    try:
        yield ledger
    finally:
        ledger.close()
