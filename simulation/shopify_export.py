"""Shopify admin, Orders -> Export: daily files of the orders created or changed that day.

Native quirks kept: order fields stand on the order's first row only, while Name, Email and Created
at are repeated (an older kind of export leaves them empty too); newest order first; Oslo's offset
on every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from simulation.deliveries import Book, Quarantined, csv_bytes, decimal_text
from simulation.local_time import DAY, Calendar, oslo_day, shopify_text
from simulation.people import Person
from simulation.purchases import Order

HEADER = (
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    "Billing Name",
    "Billing Street",
    "Billing Address1",
    "Billing Address2",
    "Billing Company",
    "Billing City",
    "Billing Zip",
    "Billing Province",
    "Billing Country",
    "Billing Phone",
    "Shipping Name",
    "Shipping Street",
    "Shipping Address1",
    "Shipping Address2",
    "Shipping Company",
    "Shipping City",
    "Shipping Zip",
    "Shipping Province",
    "Shipping Country",
    "Shipping Phone",
    "Notes",
    "Note Attributes",
    "Cancelled at",
    "Payment Method",
    "Payment Reference",
    "Refunded Amount",
    "Vendor",
    "Outstanding Balance",
    "Employee",
    "Location",
    "Device ID",
    "Id",
    "Tags",
    "Risk Level",
    "Source",
    "Lineitem discount",
    "Tax 1 Name",
    "Tax 1 Value",
    "Tax 2 Name",
    "Tax 2 Value",
    "Tax 3 Name",
    "Tax 3 Value",
    "Tax 4 Name",
    "Tax 4 Value",
    "Tax 5 Name",
    "Tax 5 Value",
    "Phone",
    "Receipt Number",
    "Duties",
    "Billing Province Name",
    "Shipping Province Name",
    "Payment ID",
    "Payment Terms Name",
    "Next Payment Due At",
    "Payment References",
)

# Day numbers of the files that carry a trap; everything fits into the shortest company.
LATE_DAY, LATE_BY_DAYS = 5, 4
EMPTY_NAME_DAY = 8
EDITED_DAY = 12
DOUBLE_BLOCK_DAY = 13
BOM_DAY = 17
MALFORMED_DAY = 22
REPEATED_DAY = 24
REORDERED_FROM_DAY = 26
ADDED_COLUMN_FROM_DAY = 30

Row = dict[str, str]


def export_orders(
    book: Book, orders: list[Order], people: list[Person], calendar: Calendar
) -> None:
    """Write all files of the instance ``shopify`` and note its identifiers and traps."""
    orders = [order for order in orders if order.shop == "shopify"]
    # An order stands in a day's file once, as it was at the end of the day.
    by_day: dict[date, dict[str, Order]] = {}
    for order in orders:
        for day, state in _states(order, calendar):
            by_day.setdefault(day, {})[order.number] = state
    # What was bought before the first exported day came as one file when the export was set up.
    history_day = calendar.first_day - timedelta(days=1)
    _write(book, history_day, list(by_day[history_day].values()), people, calendar)
    for index in range(calendar.days):
        day = calendar.day(index)
        if day in by_day:
            _write(book, day, list(by_day[day].values()), people, calendar)
    for order in orders:
        person = people[order.person]
        book.identify("shopify", "email", order.email, person.index, *person.times_of(order.email))
        book.identify("shopify", "phone", person.phone if order.email else "", person.index)
        if order.is_counted:
            book.count(order.person, "orders", 1, int(order.names_buyer))
    _show(book, orders, calendar)


def _states(order: Order, calendar: Calendar) -> list[tuple[date, Order]]:
    """The days whose file holds the order, with what was known of it then."""
    created = max(oslo_day(order.placed_at), calendar.first_day - timedelta(days=1))
    as_created = replace(
        order, goods_refund=0, refunded_at=0, is_full_refund=False, is_voided=False
    )
    if order.is_voided:
        # The shop cancels what is not paid after a day.
        voided = order.placed_at + DAY
        pending = replace(as_created, mark="pending")
        return [(created, pending), (oslo_day(voided), order)]
    states = [(created, as_created)]
    if order.earlier_lines:
        states[0] = (created, replace(as_created, lines=order.earlier_lines))
        states.append((calendar.day(EDITED_DAY), as_created))
    if order.refunded_at:
        states.append((oslo_day(order.refunded_at), order))
    return states


def _write(
    book: Book, day: date, orders: list[Order], people: list[Person], calendar: Calendar
) -> None:
    index = (day - calendar.first_day).days
    newest_first = sorted(orders, key=lambda order: (order.placed_at, order.number), reverse=True)
    blocks = [_block(order, people[order.person]) for order in newest_first]
    if index == EMPTY_NAME_DAY:
        blocks = [[block[0], *map(_without_order_fields, block[1:])] for block in blocks]
    if index == DOUBLE_BLOCK_DAY:
        number = next(order.number for order in orders if order.mark == "double_block")
        block = next(block for block in blocks if block[0]["Name"] == number)
        blocks = [block, *(other for other in blocks if other is not block), block]
    path = f"shopify/orders_export_{day.isoformat()}.csv"
    if index == MALFORMED_DAY:
        blocks.extend(_malformed(book, path, sum(map(len, blocks)), blocks[0][0]))
    header: Sequence[str] = HEADER
    if index >= REORDERED_FROM_DAY:
        header = (*HEADER[20:], *HEADER[:20])
    if index >= ADDED_COLUMN_FROM_DAY:
        header = (*header[:7], "Gift Message", *header[7:])
    rows = [[row.get(name, "") for name in header] for block in blocks for row in block]
    newline = "\r\n" if index == BOM_DAY else "\n"
    content = csv_bytes(header, rows, newline=newline, bom=index == BOM_DAY)
    late = LATE_BY_DAYS if index == LATE_DAY else 1
    delivered = max(day, calendar.first_day - timedelta(days=1)) + timedelta(days=late)
    book.write(path, content, "orders", day, delivered, len(rows))
    if index == REPEATED_DAY:
        copy = path.replace(".csv", " (1).csv")
        book.write(copy, content, "orders", day, delivered + timedelta(days=1), len(rows))


def _block(order: Order, person: Person) -> list[Row]:
    first, *others = order.lines
    name = f"{person.given_name} {person.family_name}"
    street = f"Testveien {person.index % 200 + 1}"
    is_known = order.email != ""
    paid = not order.is_voided and order.mark != "pending"
    status = "paid" if paid else ("voided" if order.is_voided else "pending")
    if order.refunded_amount:
        status = "refunded" if order.is_full_refund else "partially_refunded"
    row = {
        "Name": order.number,
        "Email": order.email,
        "Financial Status": status,
        "Paid at": shopify_text(order.placed_at + 4) if paid else "",
        "Fulfillment Status": "fulfilled" if paid else "unfulfilled",
        "Fulfilled at": shopify_text(order.placed_at + DAY) if paid else "",
        "Accepts Marketing": "yes" if person.is_subscribed else "no",
        "Currency": order.currency,
        "Subtotal": decimal_text(order.subtotal),
        "Shipping": decimal_text(order.shipping),
        "Taxes": decimal_text(order.tax),
        "Total": decimal_text(order.total),
        "Discount Code": order.discount_code,
        "Discount Amount": decimal_text(order.discount),
        "Shipping Method": "Posten" if order.shipping else "Free shipping",
        "Billing Name": name if is_known else "",
        "Billing Street": street,
        "Billing Address1": street,
        "Billing City": "Prøveby",
        "Billing Zip": "'0001",
        "Billing Country": "NO",
        "Shipping Name": name if is_known else "",
        "Shipping Street": street,
        "Shipping Address1": street,
        "Shipping City": "Prøveby",
        "Shipping Zip": "'0001",
        "Shipping Country": "NO",
        "Cancelled at": shopify_text(order.placed_at + DAY) if order.is_voided else "",
        "Payment Method": "Shopify Payments",
        "Payment Reference": f"rPAY{order.number[1:]}.1",
        "Refunded Amount": decimal_text(order.refunded_amount),
        "Outstanding Balance": decimal_text(0 if paid else order.total),
        "Id": str(5_400_000_000_000 + int(order.number[1:]) * 32_768),
        "Tags": order.tags,
        "Risk Level": "Low",
        "Source": order.channel,
        "Tax 1 Name": "MVA 25%",
        "Tax 1 Value": decimal_text(order.tax),
        "Phone": person.phone if is_known else "",
    }
    rows = [row, *({"Name": order.number, "Email": order.email} for _ in others)]
    for line, target in zip((first, *others), rows, strict=True):
        target.update(
            {
                "Created at": shopify_text(order.placed_at),
                "Lineitem quantity": str(line.quantity),
                "Lineitem name": line.name,
                "Lineitem price": decimal_text(line.unit_price),
                "Lineitem sku": line.sku,
                "Lineitem requires shipping": "true",
                "Lineitem taxable": "true",
                "Lineitem fulfillment status": "fulfilled" if paid else "pending",
                "Vendor": "Trap Company",
                "Lineitem discount": "0.00",
            }
        )
    return rows


def _without_order_fields(row: Row) -> Row:
    return {name: "" if name in ("Name", "Email", "Created at") else row[name] for name in row}


def _malformed(book: Book, path: str, rows_before: int, sample: Row) -> list[list[Row]]:
    """Three orders of one line each that cannot be read."""
    cases = (
        ("unreadable_timestamp", {"Created at": "31.06.2026 25:61"}, 49_900, 49_900),
        ("not_a_number", {"Lineitem price": "NaN"}, 10_000, 0),
        ("scientific_id", {"Name": "1.2E+10"}, 30_000, 30_000),
    )
    blocks = []
    for number, (reason, damage, price, amount) in enumerate(cases, 1):
        row = dict(sample)
        row.update({"Name": f"#X{number}", "Email": f"broken.{number}@example.org"})
        for name in ("Subtotal", "Lineitem price", "Total"):
            row[name] = decimal_text(price)
        row.update({"Lineitem quantity": "1", "Taxes": "0.00", "Shipping": "0.00"})
        row.update({"Discount Amount": "0.00", "Refunded Amount": "0.00", "Currency": "NOK"})
        row.update(damage)
        blocks.append([row])
        record = Quarantined(
            "shopify", "orders", path, rows_before + number, reason, row["Name"], "NOK", amount
        )
        book.reject(record)
        book.show(
            "malformed_orders",
            file=path,
            row=record.row,
            reason=reason,
            order=row["Name"],
            currency="NOK",
            amount=decimal_text(amount),
        )
    return blocks


def _show(book: Book, orders: list[Order], calendar: Calendar) -> None:
    marked: dict[str, list[Order]] = {}
    for order in orders:
        marked.setdefault(order.mark, []).append(order)

    def facts(order: Order) -> dict[str, object]:
        return {
            "order": order.number,
            "person": f"P{order.person:06d}",
            "file": f"shopify/orders_export_{oslo_day(order.placed_at).isoformat()}.csv",
            "email": order.email,
            "currency": order.currency,
            "gross": decimal_text(order.gross),
            "refund": decimal_text(order.refund),
            "net": decimal_text(order.net),
            "is_counted": order.is_counted,
        }

    for trap, marks in {
        "role_mailbox": ("mailbox_a", "mailbox_b", "mailbox_c"),
        "shared_email": ("couple_one", "couple_two"),
        "email_spelling": ("spelling",),
        "inherited_address": ("job_changer", "successor"),
        "merge_undone": ("undone_a", "undone_b"),
        "nasty_name": ("nasty_name",),
        "partial_refund": ("partial_refund",),
        "full_refund": ("full_refund",),
        "test_order": ("tester", "contest_tag"),
        "unpaid_order": ("unpaid",),
        "twin_lines": ("double_block",),
        "guest_order": ("guest_cast",),
        "local_midnight": ("midnight",),
    }.items():
        for mark in marks:
            for order in marked[mark]:
                book.show(trap, **facts(order))
    history = f"shopify/orders_export_{(calendar.first_day - timedelta(days=1)).isoformat()}.csv"
    late = marked["late_refund"][0]
    again = f"shopify/orders_export_{oslo_day(late.refunded_at).isoformat()}.csv"
    book.show("late_refund", **{**facts(late), "file": history, "redelivered_in": again})
    for mark in ("winter_time_first", "winter_time_second"):
        order = marked[mark][0]
        book.show(
            "double_hour",
            **{**facts(order), "file": history},
            created_at=shopify_text(order.placed_at),
            ordered_at=order.placed_at,
        )
    edited = marked["edited"][0]
    book.show(
        "edited_order",
        **facts(edited),
        redelivered_in=f"shopify/orders_export_{calendar.day(EDITED_DAY).isoformat()}.csv",
        lines_before=len(edited.earlier_lines),
        lines_now=len(edited.lines),
    )
    double = marked["double_block"][0]
    book.show("repeated_block", **facts(double), rows_of_block=len(double.lines))
    files = {
        "late_file": LATE_DAY,
        "empty_name_rows": EMPTY_NAME_DAY,
        "byte_order_mark": BOM_DAY,
        "repeated_file": REPEATED_DAY,
        "column_order": REORDERED_FROM_DAY,
        "added_column": ADDED_COLUMN_FROM_DAY,
    }
    by_path = {delivery.path: delivery for delivery in book.deliveries}
    for trap, index in files.items():
        path = f"shopify/orders_export_{calendar.day(index).isoformat()}.csv"
        book.show(
            trap,
            file=path,
            data_date=calendar.day(index).isoformat(),
            delivered_on=by_path[path].delivered_on.isoformat(),
            rows=by_path[path].rows,
        )
