"""A small company for tests: a data home with one source, real files, and what became of them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest
import yaml

from ingestion import settings
from ingestion.ingest import Ingested, SourceFailed, ingest
from ingestion.ledger import Delivery, open_ledger
from ingestion.raw_parquet import quarantine_path, raw_path
from ingestion.settings import Settings
from ingestion.warehouse import data_day, live_deliveries, load_raw

NOW = datetime.fromisoformat("2026-11-22T03:00")

ORDER_COLUMNS: dict[str, Any] = {
    "order_id": "id",
    "ordered_at": "at",
    "gross_amount": "amount",
    "currency": "currency",
    "customer_id": "customer",
    "email": "email",
    "status": "note",
    "updated_at": "changed",
}
ORDER_HEADER = "id,at,amount,currency,customer,email,note,changed"

# A mapping of few columns, for tests that count what is done.
SMALL_ORDERS: dict[str, Any] = {
    "columns": {"order_id": "id", "ordered_at": "at", "gross_amount": "amount", "email": "email"}
}

LINE_COLUMNS: dict[str, Any] = {
    "order_id": "id",
    "ordered_at": "at",
    "product_id": "product",
    "quantity": "quantity",
    "unit_price": "price",
}
LINE_HEADER = "id,at,product,quantity,price"


def order(number: int | str = 1, **changes: str) -> str:
    """A good order as a CSV row of ORDER_HEADER, with some fields changed."""
    fields = {
        "id": str(number),
        "at": "2026-05-14 11:23:45",
        "amount": "10.50",
        "currency": "NOK",
        "customer": "c1",
        "email": "ola@example.no",
        "note": "paid",
        "changed": "2026-05-14 12:00:00",
    }
    return ",".join({**fields, **changes}.values())


@dataclass
class Company:
    """A data home below ``folder`` and the exports of its source ``shop``."""

    folder: Path
    entry: dict[str, Any] = field(default_factory=dict)
    entries: list[dict[str, Any]] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def exports(self) -> Path:
        return self.folder / "exports" / "shop"

    @property
    def settings(self) -> Settings:
        """rapport.yml as the company has it now, written and read again."""
        files = self.entries
        if files is None:
            default = {"contract": "generic_orders", "pattern": "*", "columns": ORDER_COLUMNS}
            files = [{**default, **self.entry}]
        return self.configured({"shop": {"files": files}})

    def configured(self, sources: Mapping[str, Any], **more: Any) -> Settings:
        self.home.mkdir(parents=True, exist_ok=True)
        document = {"reporting_currency": "NOK", "time_zone": "Europe/Oslo", "sources": sources}
        text = yaml.safe_dump({**document, **more}, allow_unicode=True, sort_keys=False)
        # By rename: another process may be reading it.
        draft = self.home / f"{os.getpid()}.yml"
        draft.write_text(text, encoding="utf-8")
        draft.rename(self.home / settings.CONFIGURATION)
        self._share_key()
        return settings.load(self.home)

    def _share_key(self) -> None:
        """Companies of one test have one key, so that their rows can be compared."""
        key = self.home / "vault" / "key"
        if not (self.home / "ledger.sqlite").exists() and not key.exists():
            key.parent.mkdir()
            key.write_text("5e" * 32)

    def deliver(self, name: str, content: str | bytes | list[str]) -> Path:
        """Put a file into the export folder; a list is a header and rows."""
        path = self.exports / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "\n".join(content) + "\n"
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    def ingest(self, now: datetime = NOW) -> Ingested:
        return ingest(self.settings, str(self.folder / "exports"), "shop", now)

    def refusal(self, now: datetime = NOW) -> str:
        """What the ingest says when it fails."""
        with pytest.raises(SourceFailed) as caught:
            self.ingest(now)
        return str(caught.value)

    def take(
        self, content: str | bytes | list[str], name: str = "orders.csv"
    ) -> list[dict[str, Any]]:
        """Deliver one file, ingest, and give the accepted rows of all."""
        self.deliver(name, content)
        self.ingest()
        return self.accepted()

    def deliveries(self) -> list[Delivery]:
        with open_ledger(self.home) as ledger:
            return ledger.deliveries()

    def accepted(self) -> list[dict[str, Any]]:
        """Accepted rows as they lie in raw, by arrival and row."""
        return self._rows(raw_path)

    def quarantined(self) -> list[dict[str, Any]]:
        """Rejected rows, by arrival and row."""
        return self._rows(quarantine_path)

    def reasons(self) -> list[tuple[int, int | None, str]]:
        """Row, line and reason of every rejected row."""
        names = ("quarantine_row", "quarantine_line", "quarantine_reason")
        return [tuple(row[name] for name in names) for row in self.quarantined()]  # type: ignore[misc]

    def _rows(self, path_of: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for delivery in sorted(self.deliveries(), key=lambda item: item.arrival):
            path = path_of(self.home, delivery.object, delivery.delivery_id)
            if delivery.status != "duplicate" and path.exists():
                rows += pyarrow.parquet.read_table(path).to_pylist()
        return rows

    def current(self, query: str) -> list[tuple[Any, ...]]:
        """Load raw and ask the warehouse."""
        loaded = self.settings
        load_raw(loaded, data_day(loaded, live_deliveries(loaded)))
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as warehouse:
            return warehouse.execute(query).fetchall()


def append_lines(folder: Path) -> Company:
    """A company that delivers order lines: mode append."""
    entry = {"contract": "generic_order_lines", "pattern": "*", "columns": LINE_COLUMNS}
    return Company(folder, entries=[entry])
