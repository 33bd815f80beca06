"""Raw Parquet: one file per delivery, written aside and renamed when whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ingestion.contract import ObjectContract
from ingestion.conversion import QUARANTINE_COLUMNS, Converted
from ingestion.landing import sync_folder
from ingestion.ledger import Amount


@dataclass(frozen=True)
class Written:
    """What one delivery became."""

    rows_accepted: int
    rows_quarantined: int
    rows_filtered: int
    data_from: str | None
    data_through: str | None
    amounts: tuple[Amount, ...]


def raw_path(home: Path, table: str, delivery_id: str) -> Path:
    """Where a delivery's accepted rows lie."""
    return home / "raw" / table / f"{delivery_id}.parquet"


def quarantine_path(home: Path, table: str, delivery_id: str) -> Path:
    """Where a delivery's rejected rows lie (only if there are any)."""
    return home / "quarantine" / table / f"{delivery_id}.parquet"


def quarantine_schema(contract: ObjectContract) -> pa.Schema:
    """Row, line and reason, then the raw columns (null where they could not be read)."""
    kinds = (pa.int64(), pa.int64(), pa.string())
    extra = [pa.field(name, kind) for name, kind in zip(QUARANTINE_COLUMNS, kinds, strict=True)]
    return pa.schema(extra + list(contract.raw_schema()))


class _Target:
    """A Parquet file that is written aside; nothing exists until commit."""

    def __init__(self, staged: Path, final: Path, schema: pa.Schema) -> None:
        self._staged, self._final = staged, final
        staged.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pa.parquet.ParquetWriter(
            staged, schema, compression="zstd", write_page_checksum=True
        )
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._writer.write_table(table)
            self.rows += table.num_rows

    def commit(self) -> None:
        self._writer.close()
        with self._staged.open("rb+") as opened:
            os.fsync(opened.fileno())
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._staged.replace(self._final)
        sync_folder(self._final.parent)

    def discard(self) -> None:
        self._writer.close()
        self._staged.unlink()


def write_delivery(
    home: Path,
    staging: Path,
    contract: ObjectContract,
    delivery_id: str,
    converted: Iterable[Converted],
    late_quarantine: Iterable[pa.Table],
) -> Written:
    """Write the accepted and quarantined rows of a delivery and count rows and money on the way.

    ``late_quarantine`` is asked after all batches: records that the reader could only skip.
    """
    accepted = _Target(
        staging / f"{contract.table}.{delivery_id}.raw",
        raw_path(home, contract.table, delivery_id),
        contract.raw_schema(),
    )
    rejected = _Target(
        staging / f"{contract.table}.{delivery_id}.quarantine",
        quarantine_path(home, contract.table, delivery_id),
        quarantine_schema(contract),
    )
    filtered = 0
    money = _Money(contract)
    times: list[str] = []
    for batch in converted:
        accepted.write(batch.accepted)
        rejected.write(batch.quarantined)
        filtered += batch.filtered
        money.add(batch.accepted, "accepted")
        money.add(batch.quarantined, "quarantined")
        times += _range(batch.accepted[contract.event_time])
    for table in late_quarantine:
        rejected.write(table)
    if rejected.rows:
        rejected.commit()
    else:
        rejected.discard()
        quarantine_path(home, contract.table, delivery_id).unlink(missing_ok=True)
    accepted.commit()
    return Written(
        accepted.rows,
        rejected.rows,
        filtered,
        min(times, default=None),
        max(times, default=None),
        money.amounts(),
    )


def _range(column: pa.ChunkedArray) -> list[str]:
    bounds = pc.min_max(column).as_py()
    return [value.isoformat() for value in bounds.values() if value is not None]


class _Money:
    """Sums of the contract's amount by currency, outcome and first reason."""

    def __init__(self, contract: ObjectContract) -> None:
        self._amount, self._currency = contract.money_amount, contract.money_currency
        self._sums: Counter[tuple[str, str, str]] = Counter()
        self._rows: Counter[tuple[str, str, str]] = Counter()

    def add(self, table: pa.Table, outcome: str) -> None:
        if self._amount is None or self._currency is None or not table.num_rows:
            return
        reasons = (
            pa.array([""] * table.num_rows, pa.string())
            if outcome == "accepted"
            else table["quarantine_reason"]
        )
        grouped = (
            pa.table(
                {
                    "currency": table[self._currency],
                    "reason": reasons,
                    "amount": table[self._amount],
                }
            )
            .filter(pc.is_valid(table[self._amount]))
            .group_by(["currency", "reason"])
            .aggregate([("amount", "sum"), ("amount", "count")])
        )
        for row in grouped.to_pylist():
            reason = row["reason"].split("; ")[0]
            place = (row["currency"] or "XXX", outcome, reason)
            # The sum of decimals stays a decimal; Counter only adds.
            self._sums[place] = self._sums[place] + row["amount_sum"]  # type: ignore[assignment]
            self._rows[place] += row["amount_count"]

    def amounts(self) -> tuple[Amount, ...]:
        return tuple(
            Amount(currency, outcome, reason, self._rows[place], Decimal(self._sums[place]))
            for place in sorted(self._sums)
            for currency, outcome, reason in [place]
        )
