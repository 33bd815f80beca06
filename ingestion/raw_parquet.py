"""Raw Parquet: one file per delivery, written aside and renamed when whole."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ingestion.contract import ObjectContract
from ingestion.conversion import QUARANTINE_FIELDS, Converted
from ingestion.ledger import Amount


@dataclass(frozen=True)
class Written:
    """What one delivery became. ``raw_sha256`` is that of the file of accepted rows."""

    rows_accepted: int
    rows_quarantined: int
    rows_filtered: int
    data_from: str | None
    data_through: str | None
    amounts: tuple[Amount, ...]
    unknown: Counter[str]
    raw_sha256: str


def raw_path(home: Path, table: str, delivery_id: str) -> Path:
    """Where a delivery's accepted rows lie."""
    return home / "raw" / table / f"{delivery_id}.parquet"


def quarantine_path(home: Path, table: str, delivery_id: str) -> Path:
    """Where a delivery's rejected rows lie (only if there are any)."""
    return home / "quarantine" / table / f"{delivery_id}.parquet"


def quarantine_schema(contract: ObjectContract) -> pa.Schema:
    """Row, line and reason, then the raw columns (null where they could not be read)."""
    return pa.schema([*QUARANTINE_FIELDS, *contract.raw_schema()])


def file_sha256(path: Path) -> str:
    """The hash of a file's bytes, as hex digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class _Target:
    """A Parquet file that is written aside; nothing exists under its name until commit."""

    def __init__(self, staged: Path, final: Path, schema: pa.Schema) -> None:
        self._staged, self._final, self._schema = staged, final, schema
        self._writer: pa.parquet.ParquetWriter | None = None
        self.rows = 0

    def _opened(self) -> pa.parquet.ParquetWriter:
        self._writer = self._writer or pa.parquet.ParquetWriter(
            self._staged, self._schema, compression="zstd", write_page_checksum=True
        )
        return self._writer

    def write(self, table: pa.Table) -> None:
        self._opened().write_table(table)
        self.rows += table.num_rows

    def commit(self) -> str:
        """The file under its name, durable but for the folder; returns its sha256."""
        self._opened().close()
        with self._staged.open("rb+") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            os.fsync(opened.fileno())
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._staged.replace(self._final)
        return digest

    def close(self) -> None:
        """Let the staged file go, so that nothing is written to it after its place is taken."""
        with suppress(OSError, pa.ArrowException):
            # On a full disk the footer does not fit either; the file is thrown away in any case.
            if self._writer is not None:
                self._writer.close()


def write_delivery(
    home: Path,
    staging: Path,
    contract: ObjectContract,
    delivery_id: str,
    converted: Iterable[Converted],
) -> Written:
    """Write the accepted and quarantined rows of a delivery and count rows and money on the way.

    The files are durable under their names once their folders are synced, too.
    """
    table = contract.table
    accepted = _Target(staging / "raw", raw_path(home, table, delivery_id), contract.raw_schema())
    rejected = _Target(
        staging / "quarantine",
        quarantine_path(home, table, delivery_id),
        quarantine_schema(contract),
    )
    filtered = 0
    unknown: Counter[str] = Counter()
    money = _Money(contract)
    times: list[str] = []
    with closing(accepted), closing(rejected):
        for batch in converted:
            if batch.accepted.num_rows:
                accepted.write(batch.accepted)
            if batch.quarantined.num_rows:
                rejected.write(batch.quarantined)
            filtered += batch.filtered
            unknown += batch.unknown
            money.add(batch.accepted, "accepted")
            money.add(batch.quarantined, "quarantined")
            times += _range(batch.accepted[contract.event_time])
        if rejected.rows:
            rejected.commit()
        digest = accepted.commit()
    return Written(
        rows_accepted=accepted.rows,
        rows_quarantined=rejected.rows,
        rows_filtered=filtered,
        data_from=min(times, default=None),
        data_through=max(times, default=None),
        amounts=money.amounts(),
        unknown=unknown,
        raw_sha256=digest,
    )


def _range(column: pa.ChunkedArray) -> list[str]:
    bounds = pc.min_max(column).as_py()
    return [value.isoformat() for value in bounds.values() if value is not None]


class _Money:
    """Sums of the contract's amount by currency, outcome and first reason."""

    def __init__(self, contract: ObjectContract) -> None:
        self._amount, self._currency = contract.money_amount, contract.money_currency
        self._sums: dict[tuple[str, str, str], Decimal] = {}
        self._rows: Counter[tuple[str, str, str]] = Counter()

    def add(self, table: pa.Table, outcome: str) -> None:
        if self._amount is None or self._currency is None or not table.num_rows:
            return
        accepted = outcome == "accepted"
        reasons = pa.repeat("", table.num_rows) if accepted else table["quarantine_reason"]
        grouped = (
            pa.table(
                [table[self._currency], reasons, table[self._amount]],
                names=["currency", "reason", "amount"],
            )
            .filter(pc.is_valid(table[self._amount]))
            .group_by(["currency", "reason"])
            .aggregate([("amount", "sum"), ("amount", "count")])
        )
        for row in grouped.to_pylist():
            reason = row["reason"].split("; ")[0]
            # XXX: ISO 4217 for no currency.
            place = (row["currency"] or "XXX", outcome, reason)
            self._sums[place] = self._sums.get(place, Decimal()) + row["amount_sum"]
            self._rows[place] += row["amount_count"]

    def amounts(self) -> tuple[Amount, ...]:
        return tuple(
            Amount(*place, self._rows[place], total) for place, total in sorted(self._sums.items())
        )
