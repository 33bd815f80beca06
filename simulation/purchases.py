"""Orders of the three shops, as plain data, and what would have followed after the last day.

Amounts are whole numbers of hundredths of the order's currency. Prices of the web shop are whole
kroner and its tax is a quarter of the goods, so that a refund of lines with their tax divides back
into goods without a rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from simulation.catalogue import PRODUCTS, STORES, VARIANTS
from simulation.draws import stream
from simulation.local_time import DAY, HOUR, MINUTE, Calendar, double_hour, oslo_day
from simulation.people import (
    COMPLAINT_DROPOUT,
    COMPLAINT_SHARE,
    COUPLE_MAILBOX,
    MEMBER_VALUE_UPLIFT,
    ROLE_MAILBOX,
    VALUE_P,
    WORK_ADDRESS,
    Person,
    by_role,
    names_one_person,
)

FUTURE_DAYS = 365
FREE_SHIPPING_FROM = 50_000
SHIPPING = 7_900
# Exchange rates used to turn a value in kroner into prices elsewhere; the daily rates stand in the
# back office.
PRICE_RATES = {"NOK": 1.0, "EUR": 11.5, "SEK": 1.02, "IDR": 0.00064}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order; ``unit_price`` in hundredths, ``quantity`` negative for a return."""

    sku: str
    name: str
    category: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        """Signed amount of the line in hundredths."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Order:
    """One order document. ``goods_refund`` is without tax; ``mark`` names the trap that the order
    plays.
    """

    shop: str
    number: str
    person: int
    placed_at: int
    currency: str
    lines: tuple[Line, ...]
    email: str = ""
    card: str = ""
    channel: str = "web"
    location: str = ""
    discount: int = 0
    discount_code: str = ""
    shipping: int = 0
    goods_refund: int = 0
    refunded_at: int = 0
    is_full_refund: bool = False
    is_voided: bool = False
    is_test: bool = False
    is_member: bool = False
    is_complaint: bool = False
    document_type: str = "sale"
    tags: str = ""
    mark: str = ""
    earlier_lines: tuple[Line, ...] = ()

    @property
    def gross(self) -> int:
        """Goods at list price: the positive lines of a sale."""
        if self.document_type != "sale":
            return 0
        return sum(line.amount for line in self.lines if line.amount > 0)

    @property
    def subtotal(self) -> int:
        """Goods after discount."""
        return self.gross - self.discount

    @property
    def tax(self) -> int:
        """A quarter of the goods in the web shop and in stores, none in the Indonesian shop."""
        return 0 if self.shop == "indonesia" else self.subtotal // 4

    @property
    def total(self) -> int:
        """What the buyer was charged."""
        return self.subtotal + self.tax + self.shipping

    @property
    def returned(self) -> int:
        """Goods given back on the document itself, by negative lines."""
        return -sum(line.amount for line in self.lines if line.amount < 0)

    @property
    def refund(self) -> int:
        """Goods money that went back or never came."""
        return self.subtotal if self.is_voided else self.goods_refund + self.returned

    @property
    def net(self) -> int:
        """Goods money that stayed."""
        return self.gross - self.discount - self.refund

    @property
    def is_counted(self) -> bool:
        """Does it enter order counts?"""
        return (
            self.document_type == "sale"
            and self.gross > 0
            and not self.is_test
            and not self.is_voided
        )

    @property
    def names_buyer(self) -> bool:
        """Does the order itself say who bought? An address of several people does not."""
        return self.card != "" or names_one_person(self.email)

    @property
    def refunded_amount(self) -> int:
        """Shopify's ``Refunded Amount``: with tax, and with shipping when all went back."""
        if self.is_full_refund:
            return self.total
        return self.goods_refund + self.goods_refund // 4


@dataclass(frozen=True, slots=True)
class Lifetime:
    """What the model drew for a person: dropout and the purchases after the last day."""

    person: int
    orders_drawn: int
    dropped_out_at: int
    is_alive: bool
    future_orders: int
    future_value: int
    expected_future_orders: float


def draw_purchases(
    people: list[Person], calendar: Calendar, seed: int
) -> tuple[list[Order], list[Lifetime]]:
    """All orders in the order in which they were placed, numbered, and every model person's
    lifetime.
    """
    generator = stream(seed, "purchases")
    orders: list[Order] = []
    lifetimes = []
    for person in people:
        if not person.is_cast:
            drawn, lifetime = _lifetime(person, calendar, generator)
            orders.extend(drawn)
            lifetimes.append(lifetime)
    orders.extend(_cast_orders(people, calendar))
    return _numbered(orders), lifetimes


def _lifetime(
    person: Person, calendar: Calendar, generator: np.random.Generator
) -> tuple[list[Order], Lifetime]:
    if person.purchase_rate == 0:
        return [], Lifetime(person.index, 0, 0, False, 0, 0, 0.0)
    horizon = calendar.end + FUTURE_DAYS * DAY
    moment: float = person.acquired_at
    orders: list[Order] = []
    dropped_out_at, future_orders, future_value, drawn = 0, 0, 0, 0
    while moment < horizon:
        seconds = int(moment)
        order = _order(person, seconds, calendar.start, generator)
        leaves = generator.random() < person.dropout_probability
        if order.is_complaint:
            leaves = bool(leaves or generator.random() < COMPLAINT_DROPOUT)
        if seconds < calendar.end:
            drawn += 1
            orders.append(_aftermath(order, calendar, generator))
        else:
            future_orders += 1
            future_value += order.subtotal
        if leaves:
            dropped_out_at = seconds
            break
        moment += generator.exponential(DAY / person.purchase_rate)
    is_alive = dropped_out_at == 0 or dropped_out_at >= calendar.end
    leaving = person.dropout_probability
    leaving += (1 - leaving) * COMPLAINT_SHARE * COMPLAINT_DROPOUT
    expected = (1 - np.exp(-person.purchase_rate * leaving * FUTURE_DAYS)) / leaving
    return orders, Lifetime(
        person=person.index,
        orders_drawn=drawn,
        dropped_out_at=dropped_out_at,
        is_alive=is_alive,
        future_orders=future_orders,
        future_value=future_value,
        expected_future_orders=float(expected) if is_alive else 0.0,
    )


def _order(person: Person, seconds: int, earliest: int, generator: np.random.Generator) -> Order:
    u = generator.random(10)
    shop = {"store": "till", "indonesia": "indonesia"}.get(person.segment, "shopify")
    if person.segment == "omni" and u[0] < 0.4:
        shop = "till"
    currency = "IDR" if shop == "indonesia" else "NOK"
    if shop == "shopify" and u[1] > 0.92:
        currency = "EUR" if u[1] > 0.95 else "SEK"
    if currency != "NOK":
        # Inside this part of the day Oslo, Jakarta and UTC agree on the date, so that the rate of
        # "the order's day" has one reading. The disagreement itself is a trap with a weekend order
        # of its own.
        seconds = seconds - seconds % DAY + 7 * HOUR + seconds % DAY // 3
        if seconds < earliest:
            seconds += DAY
    is_member = person.joined_at != 0 and seconds >= person.joined_at
    value = generator.gamma(VALUE_P, person.mean_value / VALUE_P)
    value *= MEMBER_VALUE_UPLIFT if is_member else 1.0
    lines = _lines(value, currency, shop, u)
    order = Order(
        shop=shop,
        number="",
        person=person.index,
        placed_at=seconds,
        currency=currency,
        lines=lines,
        is_member=is_member,
        is_complaint=bool(u[2] < COMPLAINT_SHARE),
    )
    if shop == "till":
        shows_card = is_member and u[3] < 0.9
        return replace(
            order,
            channel="store",
            location=STORES[person.index % len(STORES)],
            card=person.card if shows_card else "",
            is_member=shows_card,
        )
    email = person.emails[-1] if u[4] < 0.3 else person.emails[0]
    if u[4] < 0.5 and (person.former_email or person.work_email):
        email = person.contact_email(seconds)
    if shop == "indonesia":
        return replace(order, email=email)
    if u[4] > 0.9:
        email = email.upper() if u[4] > 0.95 else email.title()
    order = replace(order, email=email, shipping=_shipping(order.gross, currency))
    if u[5] < 0.12:
        return replace(
            order,
            discount=order.gross // 1000 * 100,
            discount_code="WELCOME10" if u[5] < 0.06 else "GARDEN10",
        )
    return order


def _lines(value: float, currency: str, shop: str, u: np.ndarray) -> tuple[Line, ...]:
    count = 1 + int(u[6] < 0.45) + int(u[6] < 0.15)
    step = 100_000 if currency == "IDR" else 100
    lines = []
    for number in range(count):
        product = PRODUCTS[int(u[7] * 997 + number * 5) % len(PRODUCTS)]
        quantity = 2 if u[8] < 0.25 and number == 0 else 1
        units = value / PRICE_RATES[currency] / count / quantity * 100 / step
        price = max(1, round(units)) * step
        if shop == "till":
            price += 90
        variant = VARIANTS[int(u[9] * 100 + number) % len(VARIANTS)]
        lines.append(
            Line(product.sku, f"{product.name} - {variant}", product.category, quantity, int(price))
        )
    return tuple(lines)


def _shipping(gross: int, currency: str) -> int:
    if currency != "NOK":
        return 900
    return 0 if gross >= FREE_SHIPPING_FROM else SHIPPING


def _aftermath(order: Order, calendar: Calendar, generator: np.random.Generator) -> Order:
    chance, delay = generator.random(), generator.integers(3 * DAY, 25 * DAY)
    later = order.placed_at + int(delay)
    if order.shop == "shopify":
        return _web_aftermath(order, chance, later, calendar)
    if order.shop == "till" and chance < 0.03 and later < calendar.end:
        return replace(order, refunded_at=later, goods_refund=order.lines[-1].amount)
    if order.shop == "indonesia" and chance < 0.06:
        return replace(order, lines=(*order.lines, replace(order.lines[0], quantity=-1)))
    return order


def _web_aftermath(order: Order, chance: float, later: int, calendar: Calendar) -> Order:
    changes: dict[str, object] = {}
    is_refundable = later < calendar.end
    if chance < 0.015:
        # The shop cancels after a day; an order of the last day is simply paid.
        changes = {"is_voided": order.placed_at + DAY < calendar.end}
    elif chance < 0.020:
        changes = {"is_test": True, "tags": "test, checkout check"}
    elif chance < 0.040:
        # An order that names nobody cannot be known as a member's.
        changes = {"email": "", "mark": "guest", "is_member": False}
    elif chance < 0.050:
        changes = {"tags": "contest winner, vip"}
    elif chance < 0.085 and is_refundable:
        changes = {"refunded_at": later, "goods_refund": order.subtotal, "is_full_refund": True}
    elif 0.085 <= chance < 0.145 and is_refundable and len(order.lines) > 1 and not order.discount:
        changes = {"refunded_at": later, "goods_refund": order.lines[-1].amount}
    return replace(order, **changes)  # type: ignore[arg-type]


def _numbered(orders: Iterable[Order]) -> list[Order]:
    counters = {"shopify": 1000, "till": 0, "indonesia": 1000}
    numbered = []
    cancelled: dict[str, str] = {}
    for order in sorted(orders, key=lambda order: (order.placed_at, order.person, order.mark)):
        if order.document_type == "cancellation":
            # A credit document carries the number of the order that it takes back.
            numbered.append(replace(order, number=f"C{cancelled[order.mark]}"))
            continue
        counters[order.shop] += 1
        number = counters[order.shop]
        # The Indonesian shop counts from 1001 too: the number alone does not name an order of the
        # company.
        text = {"shopify": f"#{number}", "till": f"B{number:07d}", "indonesia": f"{number}"}
        numbered.append(replace(order, number=text[order.shop]))
        if order.mark:
            cancelled[order.mark] = text[order.shop]
    return numbered


def _line(position: int, price: int, quantity: int = 1) -> Line:
    product = PRODUCTS[position % len(PRODUCTS)]
    return Line(
        product.sku,
        f"{product.name} - {VARIANTS[position % len(VARIANTS)]}",
        product.category,
        quantity,
        price,
    )


def weekend_before(day: date) -> date:
    """The last Sunday before a day: exchange rates of Friday still hold on it."""
    return day - timedelta(days=day.isoweekday() % 7 or 7)


def _cast_orders(people: list[Person], calendar: Calendar) -> list[Order]:
    cast = by_role(people)
    orders: list[Order] = []

    def sale(role: str, at: int, *lines: Line, **facts: object) -> None:
        person = cast[role]
        known = {"email": person.emails[0], "shipping": SHIPPING, "mark": role, **facts}
        order = Order("shopify", "", person.index, at, "NOK", lines)
        orders.append(replace(order, **known))  # type: ignore[arg-type]

    at = calendar.at
    for number, role in enumerate(("mailbox_a", "mailbox_b", "mailbox_c")):
        sale(role, at(3 + number, 10), _line(number, 30_000 + 10_000 * number), email=ROLE_MAILBOX)
        sale(role, at(9 + number, 11), _line(number, 20_000), mark="mailbox_own")
    sale("couple_one", at(4, 12), _line(2, 41_000), email=COUPLE_MAILBOX)
    sale("couple_two", at(15, 12), _line(3, 52_000), email=COUPLE_MAILBOX)
    for number, email in enumerate(cast["merged"].emails):
        sale("merged", at(5 + 6 * number, 13), _line(4, 25_000 + 100 * number), email=email)
    sale("job_changer", at(5, 14), _line(0, 36_000), email=WORK_ADDRESS)
    sale("job_changer", at(18, 14), _line(1, 37_000), mark="job_changer_after")
    sale("successor", at(19, 14), _line(2, 38_000), email=WORK_ADDRESS)
    sale("undone_a", at(4, 14), _line(3, 39_000))
    sale("undone_b", at(13, 14), _line(4, 40_000))
    sale("zeros", at(6, 9), _line(5, 48_200))
    sale("no_zeros", at(7, 9), _line(6, 48_300))
    for number, email in enumerate(cast["spelling"].emails):
        sale("spelling", at(4 + 4 * number, 15), _line(7, 15_000 + 100 * number), email=email)
    sale("nasty_name", at(8, 9), _line(8, 33_000), _line(9, 5_000))
    sale("html_comment", at(9, 9), _line(9, 34_000))
    sale("parent", at(6, 18), _line(10, 61_000))
    sale("child", at(20, 18), _line(11, 12_000))
    sale("flipper", at(11, 20, 5), _line(12, 45_500))
    # Bought long before the first exported day: only a refund brings the order back, months later.
    before = calendar.start - 63 * DAY
    sale(
        "late_refund",
        before,
        _line(13, 99_900),
        refunded_at=at(calendar.days - 3, 14),
        goods_refund=99_900,
        is_full_refund=True,
    )
    sale("late_refund", at(2, 9), _line(14, 21_000), mark="late_refund_other")
    sale(
        "partial_refund",
        at(5, 16),
        _line(15, 40_000),
        _line(16, 25_000),
        # The file of day 5 arrives late, after the one that already knows the refund.
        refunded_at=at(7, 10),
        goods_refund=25_000,
    )
    sale(
        "full_refund",
        at(6, 16),
        _line(17, 30_000),
        refunded_at=at(13, 10),
        goods_refund=30_000,
        is_full_refund=True,
    )
    sale("tester", at(7, 7), _line(18, 1_000_000), is_test=True, tags="Test", shipping=0)
    sale("tester", at(8, 7), _line(18, 45_000), tags="contest, latest", mark="contest_tag")
    sale("unpaid", at(9, 17), _line(19, 77_700), is_voided=True)
    kept = (_line(20, 20_000), _line(21, 30_000))
    sale("edited", at(10, 10), *kept, earlier_lines=(*kept, _line(22, 40_000)))
    twin = _line(23, 19_900)
    sale("double_block", at(13, 12), twin, twin, _line(0, 35_000))
    first, second = double_hour(calendar.first_day)
    sale("winter_time", first, _line(1, 50_000), mark="winter_time_first")
    sale("winter_time", second, _line(1, 50_000), mark="winter_time_second")
    sale("winter_time", at(14, 9), _line(2, 24_000), mark="winter_time_later")
    sale("midnight", at(16, 0, 30), _line(3, 27_000))
    sale("apple_reader", at(17, 9), _line(4, 28_000))
    sale("behind_gateway", at(18, 9), _line(5, 29_000))
    sale("guest", at(19, 9), _line(6, 64_000), email="", mark="guest_cast")
    for role in ("collision_a", "collision_b"):
        sale(role, at(21, 9, 3), _line(7, 31_000))
    for day in (22, 24, 26, 30):
        sale("malformed", at(day, 9), _line(day, 32_000), _line(day + 1, 1_000))
    orders.extend(_cast_elsewhere(cast, calendar))
    return orders


def _cast_elsewhere(cast: dict[str, Person], calendar: Calendar) -> list[Order]:
    buyer, member = cast["jakarta"], cast["till_member"]
    noon = Order(
        "indonesia",
        "",
        buyer.index,
        calendar.at(9, 12),
        "IDR",
        (_line(9, 125_000_000), _line(10, 14_900_000, 2)),
        email=buyer.emails[0],
        mark="jakarta_noon",
    )
    # Sunday 01:00 in Jakarta is Saturday evening in Oslo and in UTC.
    sunday = weekend_before(calendar.last_day - timedelta(days=14))
    night = replace(
        noon,
        placed_at=_one_in_jakarta(sunday),
        lines=(_line(11, 35_000_000), _line(11, 35_000_000)),
        mark="jakarta_night",
    )
    taken_back = replace(
        noon,
        placed_at=noon.placed_at + DAY,
        lines=(replace(noon.lines[1], quantity=-2),),
        document_type="cancellation",
    )
    receipt = Order(
        "till",
        "",
        member.index,
        calendar.at(14, 12, 7),
        "NOK",
        (_line(12, 123_450),),
        card=member.card,
        channel="store",
        location=STORES[0],
        is_member=True,
        mark="till_member",
    )
    before_joining = replace(
        receipt,
        placed_at=calendar.at(10, 12, 7),
        lines=(_line(13, 80_090),),
        is_member=False,
        mark="till_before_joining",
    )
    no_card = replace(
        receipt, placed_at=receipt.placed_at + MINUTE, card="", is_member=False, mark=""
    )
    return [noon, night, taken_back, receipt, before_joining, no_card]


def _one_in_jakarta(day: date) -> int:
    # Jakarta is seven hours ahead of UTC all year.
    return int((day - date(1970, 1, 1)).total_seconds()) + HOUR - 7 * HOUR


def placed_within(orders: list[Order], calendar: Calendar) -> dict[date, list[Order]]:
    """Orders by their day in Oslo; those from before the first day are left out."""
    by_day: dict[date, list[Order]] = {}
    for order in orders:
        if calendar.contains(order.placed_at):
            by_day.setdefault(oslo_day(order.placed_at), []).append(order)
    return by_day
