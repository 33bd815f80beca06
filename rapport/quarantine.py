"""What was rejected: by delivery and reason, then the rows with their lines."""

from __future__ import annotations

import duckdb
from rich.console import Console
from rich.table import Table

from ingestion.raw_parquet import quarantine_path
from ingestion.settings import Settings
from ingestion.warehouse import live_deliveries


def print_quarantine(console: Console, settings: Settings, rows: int) -> None:
    """Counts for every delivery and reason, then up to ``rows`` rows with file and line."""
    files = {
        str(quarantine_path(settings.home, item.delivery.object, item.delivery.delivery_id)): item
        for item in live_deliveries(settings)
        if item.delivery.rows_quarantined
    }
    if not files:
        console.print("nothing is quarantined")
        return
    with duckdb.connect() as connection:
        rejected = connection.read_parquet(sorted(files), union_by_name=True, filename=True).select(
            "filename, quarantine_row, quarantine_line, quarantine_reason"
        )
        connection.register("rejected", rejected.to_arrow_table())
        counted = connection.execute(
            "select filename, quarantine_reason, count(*) from rejected group by all order by all"
        ).fetchall()
        shown = connection.execute(
            "select * from rejected order by filename, quarantine_row limit ?", [rows]
        ).fetchall()
    summary = Table("delivery", "source", "file", "reason", "rows")
    for path, reason, count in counted:
        delivery = files[path].delivery
        summary.add_row(
            delivery.delivery_id, delivery.source, delivery.file_name, reason, f"{count:,}"
        )
    console.print(summary)
    detail = Table("file", "record", "line", "reason")
    for path, row, line, reason in shown:
        detail.add_row(files[path].delivery.file_name, str(row), str(line or ""), reason)
    console.print(detail)
    console.print(
        "The rows lie in landing as delivered. Correct them at the source and deliver again, or "
        "take the delivery out: rapport deliveries reject ID --reason ..."
    )
