"""What `rapport run` says at the end: gates, rows, the top customers, where the release lies."""

from __future__ import annotations

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from publishing.manifest import Manifest
from publishing.pointer import Release
from rapport.airflow_runner import Outcome
from rapport.published import NothingPublished, open_current

TOP = 3
# Enough to see which feed or day is meant; the release's report has every row that was kept.
ROWS_PER_WARNING = 2


def print_night(console: Console, errors: Console, home: Path, outcome: Outcome) -> int:
    """Print the outcome of a night; returns the exit code."""
    for failure in outcome.failures:
        place = f"{failure.dag_id}.{failure.task_id}: " if failure.dag_id else ""
        errors.print(f"error: {place}{failure.message}")
        if failure.log:
            errors.print(f"  log: {failure.log}")
    try:
        with open_current(home) as (release, connection):
            _print_release(console, release, connection, outcome)
    except NothingPublished:
        console.print("nothing is published")
    return outcome.exit_code


def _print_release(
    console: Console,
    release: Release,
    connection: duckdb.DuckDBPyConnection,
    outcome: Outcome,
) -> None:
    manifest = release.manifest
    if not outcome.published:
        reason = "the run failed" if outcome.failures else "nothing new arrived"
        console.print(
            f"nothing new published ({reason}); readers see release {manifest.release} "
            f"as of {manifest.as_of}: {release.folder}"
        )
        return
    console.print(_gates(manifest))
    for line in _warnings(manifest):
        console.print(line, soft_wrap=True)
    console.print(_marts(manifest))
    console.print(_top_customers(connection))
    for note in manifest.notes:
        console.print(f"note: {note}")
    console.print(f"published release {manifest.release} as of {manifest.as_of}: {release.folder}")


def _gates(manifest: Manifest) -> Table:
    table = Table("gate", "result", "expectations", "warnings")
    for gate in manifest.gates:
        table.add_row(
            gate.gate,
            "open" if gate.is_open else "closed",
            str(len(gate.results)),
            str(len(gate.warnings)),
        )
    return table


def _warnings(manifest: Manifest) -> list[str]:
    """A line for each warning: the expectation, what was seen, and the first rows meant."""
    lines = []
    for gate in manifest.gates:
        for warning in gate.warnings:
            rows = warning.get("rows", [])[:ROWS_PER_WARNING]
            named = [" ".join(f"{name}={value}" for name, value in row.items()) for row in rows]
            seen = "; ".join([warning["observed"], *named])
            lines.append(f"warning: {warning['check']}: {seen}")
    return lines


def _marts(manifest: Manifest) -> Table:
    table = Table("mart", "rows", "before")
    for mart in manifest.marts:
        before = "" if mart.rows_before is None else f"{mart.rows_before:,}"
        table.add_row(mart.name, f"{mart.rows:,}", before)
    return table


def _top_customers(connection: duckdb.DuckDBPyConnection) -> Table:
    table = Table("top customers", "customer", "orders", "net value", "score", "tier")
    for title, order in (("most valuable", "net_value"), ("most engaged", "score")):
        rows = connection.execute(
            f"""
            select customer_id, order_count, net_value, score, tier
            from customer_lifetime_values
            left join customer_engagement_scores using (customer_id)
            order by {order} desc nulls last, customer_id
            limit {TOP}
            """
        ).fetchall()
        for place, (customer, orders, value, score, tier) in enumerate(rows):
            table.add_row(
                "" if place else title,
                customer,
                f"{orders:,}",
                "" if value is None else f"{value:,.2f}",
                "" if score is None else f"{score:.1f}",
                tier or "",
            )
    return table
