"""The truth about a company, written where the pipeline does not look.

people.csv                   who exists; ``role`` is the trap a person plays, empty for the model's
identifiers.csv              what the files call a person; ``linked_group``: tied together by files
orders.csv                   every order document; ``person_id`` empty where the order names nobody
revenue.json                 totals to the cent, per currency and source and in kroner
effects.json                 what was planted: distributions, uplift, correlation
engagement_inputs.csv        human, unrepeated events in the files; ``attributable``: to the person
survey_answers.csv           answers in their last form
true_remaining_lifetime.csv  rate, dropout and the purchases of the year after the last day
quarantine.csv               malformed records, with row and money
deliveries.csv               every file, with the day it was delivered on
traps.json                   every trap with its rows and right answers
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from simulation.back_office_export import Rates
from simulation.delighted_export import final_score, person_number
from simulation.deliveries import Book, Node, csv_bytes, decimal_text, node
from simulation.local_time import iso_text, oslo_day
from simulation.people import (
    COMPLAINT_DROPOUT,
    COMPLAINT_SHARE,
    DROPOUT_A,
    DROPOUT_B,
    ENGAGEMENT_RATE_CORRELATION,
    MEMBER_VALUE_UPLIFT,
    RATE_SCALE_DAYS,
    RATE_SHAPE,
    VALUE_P,
    VALUE_Q,
    VALUE_V,
    Person,
)
from simulation.purchases import FUTURE_DAYS, Lifetime, Order
from simulation.service import Answer

RATE_UNIT = 100_000
SOURCE_OF_SHOP = {"shopify": "shopify", "till": "back_office", "indonesia": "back_office"}


def write_truth(
    folder: Path,
    book: Book,
    people: list[Person],
    orders: list[Order],
    lifetimes: list[Lifetime],
    answers: list[Answer],
    rates: Rates,
    last_day: date,
) -> None:
    """Write every truth file but ``traps.json``. Amounts are texts with two decimals."""
    _people(folder, people)
    _identifiers(folder, book)
    _orders(folder, orders, rates)
    _json(folder / "revenue.json", revenue(orders, rates))
    _json(folder / "effects.json", _effects())
    _engagement(folder, book, people)
    _answers(folder, answers, people)
    _lifetimes(folder, people, lifetimes, last_day)
    _quarantine(folder, book)
    _deliveries(folder, book)


def _table(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    path.write_bytes(csv_bytes(header.split(","), rows))


def _json(path: Path, body: object) -> None:
    text = json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _moment(seconds: int) -> str:
    return iso_text(seconds)[:19].replace("T", " ") if seconds else ""


def _people(folder: Path, people: list[Person]) -> None:
    _table(
        folder / "people.csv",
        "person_id,role,segment,country,acquired_at,is_member,member_since,engagement,is_subscribed",
        (
            (
                person.person_id,
                person.role,
                person.segment,
                person.country,
                _moment(person.acquired_at),
                str(person.joined_at != 0).lower(),
                _moment(person.joined_at),
                f"{person.engagement:.6f}",
                str(person.is_subscribed).lower(),
            )
            for person in people
        ),
    )


def _identifiers(folder: Path, book: Book) -> None:
    owners: dict[tuple[str, str, str], set[int]] = {}
    for source, kind, value, person in book.identifiers:
        owners.setdefault((source, kind, value), set()).add(person)
    groups = _linked_groups(book)
    _table(
        folder / "identifiers.csv",
        "source,identifier_type,identifier,person_id,is_shared,linked_group,valid_from,valid_to",
        (
            (
                source,
                kind,
                value,
                f"P{person:06d}",
                str(len(owners[source, kind, value]) > 1).lower(),
                groups[_node_of(source, kind, value, person)],
                _moment(since),
                _moment(until),
            )
            for (source, kind, value, person), (since, until) in sorted(book.identifiers.items())
        ),
    )


def _node_of(source: str, kind: str, value: str, person: int) -> Node:
    is_contact = source == "hubspot" and kind == "customer"
    return node(person, "contact" if is_contact else kind, value)


def _linked_groups(book: Book) -> dict[Node, str]:
    """Identifiers of one person that the files tie together, directly or by others, share a group.

    Two people never share one, even where they share an address or a device.
    """
    parents = {_node_of(*place): _node_of(*place) for place in book.identifiers}

    def root(member: Node) -> Node:
        while parents[member] != member:
            parents[member] = member = parents[parents[member]]
        return member

    for left, right in sorted(book.links):
        first, second = sorted((root(left), root(right)))
        parents[second] = first
    numbers: dict[int, list[Node]] = {}
    groups = {}
    for member in sorted(parents):
        known = numbers.setdefault(member[0], [])
        if root(member) not in known:
            known.append(root(member))
        groups[member] = f"P{member[0]:06d}-{known.index(root(member)) + 1}"
    return groups


def rate_at(rates: Rates, currency: str, day: date) -> int:
    """Kroner per unit in hundred-thousandths: the latest rate on or before the day."""
    if currency == "NOK":
        return RATE_UNIT
    known = rates[currency]
    place = bisect_right(known, (day, 10**12))
    if not place:
        raise ValueError(f"no {currency} rate on or before {day}: start the rates earlier")
    return known[place - 1][1]


def reporting_amount(order: Order, rates: Rates) -> int:
    """The order's net in hundredths of the reporting currency; exact, because prices and rates are
    round.
    """
    amount = order.net * rate_at(rates, order.currency, oslo_day(order.placed_at))
    if amount % RATE_UNIT:
        raise ValueError(
            f"{order.number}: {amount} / {RATE_UNIT} leaves a rest; draw rounder prices"
        )
    return amount // RATE_UNIT


def _orders(folder: Path, orders: list[Order], rates: Rates) -> None:
    _table(
        folder / "orders.csv",
        "source,order_id,document_type,person_id,true_person_id,ordered_at,currency,gross,discount,refund,net,tax,"
        "shipping,net_reporting,is_counted,is_test,is_voided,is_member,channel,refunded_at,mark",
        (
            (
                SOURCE_OF_SHOP[order.shop],
                order.number,
                order.document_type,
                f"P{order.person:06d}" if order.names_buyer else "",
                f"P{order.person:06d}",
                _moment(order.placed_at),
                order.currency,
                decimal_text(order.gross),
                decimal_text(order.discount),
                decimal_text(order.refund),
                decimal_text(order.net),
                decimal_text(order.tax),
                decimal_text(order.shipping),
                decimal_text(0 if order.is_test else reporting_amount(order, rates)),
                str(order.is_counted).lower(),
                str(order.is_test).lower(),
                str(order.is_voided).lower(),
                str(order.is_member).lower(),
                order.channel,
                _moment(order.refunded_at),
                order.mark,
            )
            for order in orders
        ),
    )


def revenue(orders: list[Order], rates: Rates) -> dict[str, object]:
    """Totals to the cent. Test orders are left out everywhere but under ``test_orders``."""
    real = [order for order in orders if not order.is_test]
    currencies = sorted({order.currency for order in orders})
    parts = {"gross": "gross", "discount": "discount", "refund": "refund", "net": "net"}

    def totals(chosen: list[Order]) -> dict[str, object]:
        sums = {
            name: sum(getattr(order, field) for order in chosen) for name, field in parts.items()
        }
        counted = sum(order.is_counted for order in chosen)
        return {**{name: decimal_text(value) for name, value in sums.items()}, "orders": counted}

    by_source = {
        source: {
            currency: totals(chosen)
            for currency in currencies
            if (
                chosen := [
                    order
                    for order in real
                    if SOURCE_OF_SHOP[order.shop] == source and order.currency == currency
                ]
            )
        }
        for source in sorted(set(SOURCE_OF_SHOP.values()))
    }
    unattributed = [order for order in real if not order.names_buyer]
    return {
        "by_currency": {
            currency: totals([order for order in real if order.currency == currency])
            for currency in currencies
        },
        "by_source": by_source,
        "reporting_currency": "NOK",
        "net_reporting": decimal_text(sum(reporting_amount(order, rates) for order in real)),
        "net_reporting_unattributed": decimal_text(
            sum(reporting_amount(order, rates) for order in unattributed)
        ),
        "counted_orders": sum(order.is_counted for order in orders),
        "documents": len(orders),
        "test_orders": totals([order for order in orders if order.is_test]),
    }


def _effects() -> dict[str, object]:
    return {
        "member_order_value_uplift": MEMBER_VALUE_UPLIFT,
        "engagement_rate_rank_correlation_input": ENGAGEMENT_RATE_CORRELATION,
        "complaint_share_of_orders": COMPLAINT_SHARE,
        "complaint_extra_dropout_probability": COMPLAINT_DROPOUT,
        "purchase_rate_per_day": {
            "distribution": "gamma",
            "shape": RATE_SHAPE,
            "rate": RATE_SCALE_DAYS,
        },
        "dropout_probability": {"distribution": "beta", "a": DROPOUT_A, "b": DROPOUT_B},
        "dropout_after": "every purchase, the first included",
        "order_value_nok": {
            "distribution": "gamma-gamma",
            "p": VALUE_P,
            "q": VALUE_Q,
            "v": VALUE_V,
        },
        "future_days": FUTURE_DAYS,
        "newsletter_lift_over_control_group": 0,
    }


def _engagement(folder: Path, book: Book, people: list[Person]) -> None:
    _table(
        folder / "engagement_inputs.csv",
        "person_id,signal,count,attributable",
        (
            (people[person].person_id, signal, events, book.attributable[person, signal])
            for (person, signal), events in sorted(book.counts.items())
        ),
    )


def _answers(folder: Path, answers: list[Answer], people: list[Person]) -> None:
    _table(
        folder / "survey_answers.csv",
        "response_id,person_id,survey_person,survey_type,score,score_first,answered_at,updated_at",
        (
            (
                answer.number,
                people[answer.person].person_id,
                person_number(people[answer.person]),
                answer.survey_type,
                final_score(answer),
                answer.score,
                _moment(answer.at),
                _moment(answer.edited_at or answer.at),
            )
            for answer in answers
        ),
    )


def _lifetimes(
    folder: Path, people: list[Person], lifetimes: list[Lifetime], last_day: date
) -> None:
    _table(
        folder / "true_remaining_lifetime.csv",
        "person_id,purchase_rate_per_day,dropout_probability,mean_order_value_nok,orders_drawn,is_alive,"
        "dropped_out_at,expected_orders_365d,orders_next_365d,order_value_next_365d,last_day",
        (
            (
                people[life.person].person_id,
                f"{people[life.person].purchase_rate:.9f}",
                f"{people[life.person].dropout_probability:.9f}",
                f"{people[life.person].mean_value:.4f}",
                life.orders_drawn,
                str(life.is_alive).lower(),
                _moment(life.dropped_out_at),
                f"{life.expected_future_orders:.6f}",
                life.future_orders,
                decimal_text(life.future_value),
                last_day,
            )
            for life in lifetimes
            if people[life.person].purchase_rate
        ),
    )


def _quarantine(folder: Path, book: Book) -> None:
    _table(
        folder / "quarantine.csv",
        "source,object,file,row,reason,identifier,currency,amount",
        (
            (
                record.source,
                record.object,
                record.path,
                record.row,
                record.reason,
                record.identifier,
                record.currency,
                decimal_text(record.amount),
            )
            for record in book.quarantined
        ),
    )


def _deliveries(folder: Path, book: Book) -> None:
    _table(
        folder / "deliveries.csv",
        "file,source,object,data_date,delivered_on,rows",
        (
            (
                delivery.path,
                delivery.source,
                delivery.object,
                delivery.data_date.isoformat(),
                delivery.delivered_on.isoformat(),
                delivery.rows,
            )
            for delivery in sorted(book.deliveries, key=lambda item: (item.delivered_on, item.path))
        ),
    )
