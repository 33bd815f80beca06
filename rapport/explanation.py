"""`rapport explain`: why a customer's numbers are what they are, from the current release; and from
the warehouse, which files and rows they came in.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from ingestion.personal_data import Keyring, load_key
from ingestion.sql_text import literal
from ingestion.warehouse import warehouse_path
from rapport.published import open_current
from rapport.receipt import in_words

ORDERS_SHOWN = 20

# Where the rows behind a touch point are: by type of record, the table and its id.
RECORDS = {
    "web_event": ("intermediate.int_web_events", "event_id"),
    "email_event": ("intermediate.int_email_events", "event_id"),
    "survey_response": ("intermediate.int_survey_answers_judged", "response_id"),
    "ticket": ("intermediate.int_tickets", "ticket_id"),
    "review": ("intermediate.int_reviews", "review_id"),
    "referral": ("intermediate.int_referrals", "referral_id"),
    "loyalty_event": ("intermediate.int_loyalty_events", "event_id"),
    "consent": ("intermediate.int_consents", "consent_id"),
    "interaction": ("staging.stg_generic__interactions", "interaction_id"),
}
# Every order document is behind the value, counted or not, with its lines and its payments; these
# may come from another source of the same id_space.
ORDERS = (
    ("order", "intermediate.int_orders", "source"),
    ("order line", "staging.stg_shopify__order_lines", "source"),
    ("order line", "staging.stg_generic__order_lines", "source"),
    ("payment", "staging.stg_generic__payments", "id_space"),
)


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
            errors.print(f"error: {asked}: no such customer in release {release.number}")
            return 1
        for customer_id in found:
            console.print(f"customer {customer_id}, release {release.number}")
            _identities(console, connection, customer_id)
            _value(console, connection, customer_id)
            for sentence in in_words(connection, customer_id):
                console.print(sentence)
            _origins(console, connection, home, customer_id)
    return 0


def _origins(
    console: Console, connection: duckdb.DuckDBPyConnection, home: Path, customer_id: str
) -> None:
    """Which files, and how many of their rows, each kind of number was made from."""
    path = warehouse_path(home)
    if not path.exists():
        console.print(f"{path} is gone: `rapport build` makes it, to say which files these were")
        return
    table = Table("made from", "file", "rows", "delivery", title="deliveries behind the numbers")
    connection.execute(f"attach if not exists {literal(str(path))} as warehouse (read_only)")
    for record, file_name, rows, delivery_id in origins(connection, customer_id):
        table.add_row(record, file_name, f"{rows:,}", delivery_id)
    console.print(table)


def origins(
    connection: duckdb.DuckDBPyConnection, customer_id: str
) -> list[tuple[str, str, int, str]]:
    """Kind of record, file name, rows and delivery behind a customer's touch points and orders.

    The marts are in view, the warehouse is attached as ``warehouse``.
    """
    parts = [
        f"select {literal(kind.replace('_', ' '))} as record, found.delivery_id "
        f"from warehouse.{table} as found semi join "
        f"(from interactions where customer_id = $1 and record_type = {literal(kind)}) as touched "
        f"on touched.source = found.source and touched.record_id = found.{name}"
        for kind, (table, name) in RECORDS.items()
    ]
    parts += [
        f"select {literal(record)} as record, delivery_id from warehouse.{table} semi join ("
        "from warehouse.intermediate.int_orders "
        "semi join (from orders where customer_id = $1) as own using (source, order_id)"
        f") as bought using ({owner}, order_id)"
        for record, table, owner in ORDERS
    ]
    rows: list[tuple[str, str, int, str]] = connection.execute(
        f"select record, file_name, count(*), delivery_id from ({' union all '.join(parts)}) "
        "inner join warehouse.raw.deliveries using (delivery_id) group by all order by all",
        [customer_id],
    ).fetchall()
    return rows


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
