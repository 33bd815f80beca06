"""`rapport explain`: why a customer's numbers are what they are, from the current release alone."""

from __future__ import annotations

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from ingestion.personal_data import Keyring, load_key
from rapport.published import open_current

ORDERS_SHOWN = 20


def print_explanation(
    console: Console,
    errors: Console,
    home: Path,
    customer: str | None,
    email: str | None,
    order: str | None,
) -> int:
    """Print the receipts of one customer; 1 where nobody fits."""
    with open_current(home) as (release, connection):
        found = _customers(connection, home, customer, email, order)
        if not found:
            asked = customer or email or f"order {order}"
            errors.print(
                f"error: {asked}: no such customer in release {release.number}", markup=False
            )
            return 1
        for customer_id in found:
            console.print(f"customer {customer_id}, release {release.number}")
            _identities(console, connection, customer_id)
            _value(console, connection, customer_id)
            _score(console, connection, customer_id)
    return 0


def _customers(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    customer: str | None,
    email: str | None,
    order: str | None,
) -> list[str]:
    if customer is not None:
        query, value = "select customer_id from customers where customer_id = ?", customer
    elif order is not None:
        query = (
            "select distinct customer_id from orders where order_id = ? and customer_id is not null"
        )
        value = order
    else:
        key = Keyring(load_key(home)).keyed("email", email or "")
        query = (
            "select distinct customer_id from customer_identities "
            "where identifier_type = 'email' and identifier = ?"
        )
        value = key or ""
    return [row[0] for row in connection.execute(f"{query} order by 1", [value]).fetchall()]


def _identities(console: Console, connection: duckdb.DuckDBPyConnection, customer_id: str) -> None:
    table = Table("source", "identifier", "value", "evidence", "since", title="who this is")
    for source, kind, identifier, evidence, since in connection.execute(
        "select source, identifier_type, identifier, evidence, valid_from from customer_identities "
        "where customer_id = ? order by valid_from, source, identifier_type, identifier",
        [customer_id],
    ).fetchall():
        table.add_row(
            source, kind, identifier, evidence or "", f"{since:%Y-%m-%d}" if since else ""
        )
    console.print(table)


def _value(console: Console, connection: duckdb.DuckDBPyConnection, customer_id: str) -> None:
    table = Table(
        "source", "order", "at (UTC)", "gross", "discount", "refund", "net", "counted",
        title="orders behind the value",
    )  # fmt: skip
    rows = connection.execute(
        "select source, order_id, ordered_at, gross_amount, discount_amount, refund_amount, "
        "net_amount_reporting, is_counted from orders where customer_id = ? "
        "order by ordered_at desc, order_id",
        [customer_id],
    ).fetchall()
    for source, order, at, gross, discount, refund, net, counted in rows[:ORDERS_SHOWN]:
        table.add_row(
            source, order, f"{at:%Y-%m-%d %H:%M}", f"{gross:,.2f}", f"{discount:,.2f}",
            f"{refund:,.2f}", f"{net:,.2f}", "yes" if counted else "no",
        )  # fmt: skip
    console.print(table)
    if len(rows) > ORDERS_SHOWN:
        console.print(f"and {len(rows) - ORDERS_SHOWN} earlier orders")
    for count, net, x, recency, tenure in connection.execute(
        "select order_count, net_value, repeat_purchase_days, recency_days, tenure_days "
        "from customer_lifetime_values where customer_id = ?",
        [customer_id],
    ).fetchall():
        console.print(
            f"net value {net:,.2f} from {count} counted orders; {x} repeat purchase days, "
            f"last purchase {recency} days after the first, {tenure} days known"
        )


def _score(console: Console, connection: duckdb.DuckDBPyConnection, customer_id: str) -> None:
    rows = connection.execute(
        "select signal, dimension, contribution, contribution_change_7d "
        "from engagement_contributions where customer_id = ? order by contribution desc, signal",
        [customer_id],
    ).fetchall()
    if not rows:
        console.print("no engagement score: no evidence of engagement yet")
        return
    table = Table("signal", "dimension", "points", "change in 7 days", title="engagement receipt")
    for signal, dimension, points, change in rows:
        table.add_row(signal, dimension or "", f"{points}", "" if change is None else f"{change}")
    table.add_row("score", "", str(sum(row[2] for row in rows)), "")
    console.print(table)
