"""CDNOW's master file as an export that can be mapped: its own header cannot."""

from __future__ import annotations

import csv
from pathlib import Path

from ingestion.settings import realdata


def write_cdnow_orders(exports: Path) -> None:
    """All 69,659 purchases into orders/cdnow.csv of ``exports``."""
    lines = (realdata() / "cdnow_lifetimes" / "CDNOW_master.txt").read_text(encoding="ascii")
    rows = [line.split() for line in lines.splitlines()[1:] if line.strip()]
    assert len(rows) == 69_659
    (exports / "orders").mkdir()
    with (exports / "orders" / "cdnow.csv").open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "customer", "date", "amount"])
        writer.writerows(
            [number, customer, day, amount]
            for number, (customer, day, _, amount) in enumerate(rows, start=1)
        )
