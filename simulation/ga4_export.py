"""GA4's BigQuery export: one table of nested events a day, as gzipped NDJSON (two days as Parquet).

Native quirks kept: BigQuery's JSON writes 64-bit integers as texts and leaves nulls out; days are
those of the property's time zone; a daily table is delivered again within three days with late
events; intraday tables overlap the daily ones; without consent there is no id at all.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from simulation.catalogue import PRODUCTS, Product
from simulation.deliveries import Book, Quarantined
from simulation.local_time import Calendar, oslo_day
from simulation.people import Person
from simulation.purchases import Order
from simulation.visits import BOT, MISSING_DAY, Session

PARQUET_DAYS = (10, 18)
MALFORMED_DAY = 19
INTRADAY_DAYS = 3
_STREAM = "4200001"
_LATE_PER_MILLE, _LOST_PER_MILLE = 17, 2

_VALUE = pa.struct(
    [("string_value", pa.string()), ("int_value", pa.int64()), ("double_value", pa.float64())]
)
PARQUET_SCHEMA = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", _VALUE)]))),
        ("event_bundle_sequence_id", pa.int64()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("privacy_info", pa.struct([("analytics_storage", pa.string())])),
        (
            "device",
            pa.struct(
                [
                    ("category", pa.string()),
                    ("operating_system", pa.string()),
                    ("language", pa.string()),
                    ("web_info", pa.struct([("browser", pa.string())])),
                ]
            ),
        ),
        ("geo", pa.struct([("country", pa.string()), ("city", pa.string())])),
        (
            "traffic_source",
            pa.struct([("name", pa.string()), ("medium", pa.string()), ("source", pa.string())]),
        ),
        (
            "collected_traffic_source",
            pa.struct(
                [
                    ("manual_source", pa.string()),
                    ("manual_medium", pa.string()),
                    ("manual_campaign_name", pa.string()),
                ]
            ),
        ),
        ("stream_id", pa.string()),
        ("platform", pa.string()),
        (
            "ecommerce",
            pa.struct(
                [
                    ("transaction_id", pa.string()),
                    ("purchase_revenue", pa.float64()),
                    ("tax_value", pa.float64()),
                    ("shipping_value", pa.float64()),
                ]
            ),
        ),
        (
            "items",
            pa.list_(
                pa.struct(
                    [
                        ("item_id", pa.string()),
                        ("item_name", pa.string()),
                        ("item_category", pa.string()),
                        ("price", pa.float64()),
                        ("quantity", pa.int64()),
                    ]
                )
            ),
        ),
    ]
)


@dataclass
class _Table:
    """The events of one day: ``late`` ones come with the redelivery only."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    late: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of one session stands in the files."""

    person: int
    client: str
    names_user: bool
    has_token: bool
    page_views: int


def export_events(
    book: Book,
    sessions: list[Session],
    orders: list[Order],
    people: list[Person],
    calendar: Calendar,
) -> None:
    """Write all files of the instance ``ga4`` and note its identifiers, counts and traps."""
    missing = calendar.day(MISSING_DAY)
    redelivered_until = calendar.day(calendar.days - INTRADAY_DAYS - 1)
    tables: dict[date, _Table] = {}
    seen: list[_Seen] = []
    written = calendar.first_day
    shown = _Shown(calendar)
    for session in sessions:
        # Sessions come in order, so a day is complete once a later day's session starts (none lasts
        # past the next).
        today = oslo_day(session.started_at)
        while written < today - timedelta(days=1):
            _write_day(book, written, tables.pop(written, _Table()), calendar)
            written += timedelta(days=1)
        views, is_named = 0, False
        for event in _events(session, orders, people):
            day = oslo_day(event.micros // 1_000_000)
            if day == missing or day > calendar.last_day:
                continue
            fate = _fate(session, event) if day <= redelivered_until else "in time"
            if fate == "lost":
                continue
            table = tables.setdefault(day, _Table())
            (table.late if fate == "late" else table.lines).append((event.micros, event.text(day)))
            views += event.name == "page_view"
            is_named |= session.names_user(event.page)
            shown.event(book, session, event, day, fate)
        if session.person != BOT and views:
            seen.append(_noted(book, session, views, is_named, people[session.person]))
    while written <= calendar.last_day:
        _write_day(book, written, tables.pop(written, _Table()), calendar)
        written += timedelta(days=1)
    _count(book, seen)
    _show(book, sessions, orders, people, calendar)


def _noted(book: Book, session: Session, views: int, is_named: bool, person: Person) -> _Seen:
    if session.has_consent:
        times = person.times_of(session.client)
        book.identify("ga4", "anonymous", session.client, session.person, *times)
    if is_named:
        book.identify("ga4", "customer", session.user_id, session.person)
        book.link(session.person, ("anonymous", session.client), ("customer", session.user_id))
    if session.has_consent and session.click_token:
        # The token is the newsletter's message, and newsletters go to the first address.
        book.link(session.person, ("anonymous", session.client), ("email", person.emails[0]))
    return _Seen(
        session.person,
        session.client if session.has_consent else "",
        is_named,
        session.has_consent and session.click_token != "",
        views,
    )


def _count(book: Book, seen: list[_Seen]) -> None:
    owners: dict[str, set[int]] = {}
    for visit in seen:
        if visit.names_user or visit.has_token:
            owners.setdefault(visit.client, set()).add(visit.person)
    for visit in seen:
        is_owner = visit.client != "" and owners.get(visit.client) == {visit.person}
        known = int(visit.names_user or visit.has_token or is_owner)
        book.count(visit.person, "web_sessions", 1, known)
        book.count(visit.person, "page_views", visit.page_views, visit.page_views * known)


def _fate(session: Session, event: _Event) -> str:
    if session.mark == "late_page" and event.page == 2:
        return "late"
    if session.person == BOT or event.page == 0 or session.mark or session.order >= 0:
        return "in time"
    draw = (session.started_at * 7919 + event.page * 104_729 + len(session.client)) % 1000
    if draw < _LOST_PER_MILLE:
        return "lost"
    return "late" if draw < _LATE_PER_MILLE else "in time"


@dataclass(frozen=True, slots=True)
class _Event:
    """One event, all but its day rendered."""

    micros: int
    name: str
    page: int
    middle: str

    def text(self, day: date) -> str:
        """The event as a line of BigQuery's JSON export."""
        return (
            f'{{"event_date":"{day:%Y%m%d}","event_timestamp":"{self.micros}",'
            f'"event_name":"{self.name}",{self.middle}'
        )


def _events(session: Session, orders: list[Order], people: list[Person]) -> Iterator[_Event]:
    tail = _tail(session, people)
    # Every browser has its own microsecond within the second, as real clocks do.
    offset = (session.started_at * 13 + len(session.client)) % 1_000_000
    for page in range(session.pages):
        micros = (session.started_at + session.second_of(page)) * 1_000_000 + offset
        common = _common(session, page)
        ids = _ids(session, page)
        bundle = f'"event_bundle_sequence_id":"{session.started_at % 1_000_000 * 100 + page % 100}"'
        for name, params, fields in _page(session, page, orders):
            middle = f'"event_params":[{common}{params}],{bundle},{ids}{fields}{tail}'
            yield _Event(micros, name, page, middle)


def _page(session: Session, page: int, orders: list[Order]) -> Iterator[tuple[str, str, str]]:
    """(name, further parameters, further fields) of the events on one page."""
    product = PRODUCTS[(session.started_at + page * 5) % len(PRODUCTS)]
    if page == 0 and session.has_consent:
        if session.number == 1:
            yield "first_visit", "", ""
        yield "session_start", "", ""
    yield "page_view", "", ""
    if session.mark == "twin_events" and page == 1:
        # The same microsecond, name and batch: only what lies in the cart differs.
        yield "add_to_cart", "", _items(product)
        yield "add_to_cart", "", _items(PRODUCTS[page])
    if session.person == BOT:
        return
    if session.order >= 0 and page == 2:
        yield "add_to_cart", "", _items(product)
        yield "begin_checkout", "", _items(product)
    elif session.order >= 0 and page == 3:
        yield "purchase", *_purchase(orders[session.order])
    elif session.has_search and page == 1:
        term = _text_param("search_term", product.name.lower())
        yield "view_search_results", term, ""
    elif page % 2 == 1:
        yield "view_item", "", _items(product)


def _purchase(order: Order) -> tuple[str, str]:
    """Some tags fire without the order's number; all count tax and shipping as revenue."""
    number = "(not set)" if order.person % 29 == 0 else order.number
    params = _text_param("transaction_id", number) + _text_param("currency", order.currency)
    fields = (
        f'"ecommerce":{{"transaction_id":"{number}","purchase_revenue":{order.total / 100},'
        f'"tax_value":{order.tax / 100},"shipping_value":{order.shipping / 100}}},'
    )
    return params, fields


def _common(session: Session, page: int) -> str:
    path = (
        "/" if page == 0 else f"/p/{PRODUCTS[(session.started_at + page * 5) % len(PRODUCTS)].sku}"
    )
    if session.mark == "login_midway" and page == 2:
        # A form that sends the address on in the link: personal data where nobody looks for it.
        path = "/account?email=flipper.14@example.org"
    parts = []
    if session.has_consent:
        parts.append(f'{{"key":"ga_session_id","value":{{"int_value":"{session.session_id}"}}}}')
        parts.append(f'{{"key":"ga_session_number","value":{{"int_value":"{session.number}"}}}}')
    parts.append(
        f'{{"key":"page_location","value":{{"string_value":"https://shop.example.com{path}"}}}}'
    )
    if page:
        engaged = 1000 * (session.second_of(page) - session.second_of(page - 1))
        parts.append(f'{{"key":"engagement_time_msec","value":{{"int_value":"{engaged}"}}}}')
    text = ",".join(parts)
    if session.click_token:
        text += _text_param("email_click_token", session.click_token)
    return text


def _text_param(key: str, value: str) -> str:
    return f',{{"key":"{key}","value":{{"string_value":"{value}"}}}}'


def _items(product: Product) -> str:
    return (
        f'"items":[{{"item_id":"{product.sku}","item_name":"{product.name}",'
        f'"item_category":"{product.category}","price":{product.price}.0,"quantity":"1"}}],'
    )


def _ids(session: Session, page: int) -> str:
    if not session.has_consent:
        return '"privacy_info":{"analytics_storage":"No"},'
    text = f'"user_pseudo_id":"{session.client}","privacy_info":{{"analytics_storage":"Yes"}},'
    if session.names_user(page):
        text = f'"user_id":"{session.user_id}",{text}'
    return text


def _tail(session: Session, people: list[Person]) -> str:
    device = ("mobile", "desktop", "tablet")[(len(session.client) + session.person) % 3]
    country = "Ireland" if session.person == BOT else people[session.person].country
    collected = ""
    if session.campaign:
        collected = (
            '"collected_traffic_source":{"manual_source":"newsletter","manual_medium":"email",'
            f'"manual_campaign_name":"{session.campaign}"}},'
        )
    return (
        f'"device":{{"category":"{device}","operating_system":"Web","language":"nb-no",'
        f'"web_info":{{"browser":"{session.browser}"}}}},'
        f'"geo":{{"country":"{country}","city":"(not set)"}},'
        f'"traffic_source":{{"name":"(direct)","medium":"(none)","source":"(direct)"}},{collected}'
        f'"stream_id":"{_STREAM}","platform":"WEB"}}'
    )


def _write_day(book: Book, day: date, table: _Table, calendar: Calendar) -> None:
    index = (day - calendar.first_day).days
    if index == MISSING_DAY:
        return
    days_left = calendar.days - 1 - index
    name = f"ga4/events_{day:%Y%m%d}"
    table.lines.sort()
    lines = [text for _, text in table.lines]
    next_day = day + timedelta(days=1)
    if index in PARQUET_DAYS:
        lines = [text for _, text in sorted(table.lines + table.late)]
        book.write(f"{name}.parquet", _parquet(lines), "events", day, next_day, len(lines))
        book.show("parquet_days", file=f"{name}.parquet", events=len(lines))
        return
    if days_left < INTRADAY_DAYS:
        early = lines
        if days_left:
            until = calendar.at(index, 18) * 1_000_000
            early = [text for micros, text in table.lines if micros < until]
        intraday = f"ga4/events_intraday_{day:%Y%m%d}.ndjson.gz"
        book.write(intraday, _ndjson(early), "events", day, day, len(early))
        book.show(
            "intraday_overlap",
            file=intraday,
            events=len(early),
            daily_file=f"{name}.ndjson.gz" if days_left else "",
            events_in_both=len(early) if days_left else 0,
        )
        if not days_left:
            # The last day's daily table is not there yet: without the intraday table the day would
            # be gone.
            return
    if index == MALFORMED_DAY:
        lines.append(_malformed(book, f"{name}.ndjson.gz", len(lines) + 1, day))
    book.write(f"{name}.ndjson.gz", _ndjson(lines), "events", day, next_day, len(lines))
    if days_left >= INTRADAY_DAYS and table.late:
        again = [text for _, text in sorted(table.lines + table.late)]
        path = f"{name}_v2.ndjson.gz"
        book.write(path, _ndjson(again), "events", day, day + timedelta(days=3), len(again))
        book.show(
            "daily_redelivered",
            file=f"{name}.ndjson.gz",
            redelivered_in=path,
            events_repeated=len(table.lines),
            late_events=len(table.late),
        )


def _ndjson(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(lines: list[str]) -> bytes:
    rows = []
    for line in lines:
        row = orjson.loads(line)
        for key in ("event_timestamp", "event_bundle_sequence_id"):
            row[key] = int(row[key])
        for param in row["event_params"]:
            if "int_value" in param["value"]:
                param["value"]["int_value"] = int(param["value"]["int_value"])
        for item in row.get("items", ()):
            item["quantity"] = int(item["quantity"])
        rows.append(row)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=PARQUET_SCHEMA), sink, compression="snappy")
    return sink.getvalue()


def _malformed(book: Book, path: str, row: int, day: date) -> str:
    book.reject(Quarantined("ga4", "events", path, row, "missing_required", "no event_timestamp"))
    book.show(
        "malformed_event", file=path, row=row, reason="missing_required", column="event_timestamp"
    )
    return (
        f'{{"event_date":"{day:%Y%m%d}","event_name":"page_view","event_params":[],'
        '"user_pseudo_id":"111.222","stream_id":"4200001","platform":"WEB"}'
    )


class _Shown:
    """Remembers which single-event traps were written down already."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.null_ids = 0

    def event(self, book: Book, session: Session, event: _Event, day: date, fate: str) -> None:
        """Note the event where it is the first of its kind."""
        if not session.has_consent and self.null_ids < 3:
            self.null_ids += 1
            book.show("null_ids", event_timestamp=str(event.micros), event_name=event.name)
        if session.mark == "over_midnight" and event.name == "page_view":
            book.show(
                "session_over_midnight",
                client=session.client,
                session_id=str(session.session_id),
                event_date=f"{day:%Y%m%d}",
                event_timestamp=str(event.micros),
            )
        if session.mark == "twin_events" and event.name == "add_to_cart":
            book.show(
                "twin_events",
                client=session.client,
                event_timestamp=str(event.micros),
                event_name=event.name,
                file=f"ga4/events_{day:%Y%m%d}.ndjson.gz",
            )


def _show(
    book: Book,
    sessions: list[Session],
    orders: list[Order],
    people: list[Person],
    calendar: Calendar,
) -> None:
    missing = calendar.day(MISSING_DAY)
    book.show(
        "missing_day", file=f"ga4/events_{missing:%Y%m%d}.ndjson.gz", date=missing.isoformat()
    )
    for trap, mark in {
        "family_device": "family_device",
        "login_midway": "login_midway",
        "session_collision": "session_collision",
    }.items():
        for session in sessions:
            if session.mark == mark:
                book.show(
                    trap,
                    person=people[session.person].person_id,
                    client=session.client,
                    session_id=str(session.session_id),
                    user_id=session.user_id,
                    user_id_from_page=session.login_at,
                    user_id_until_page=min(session.logout_at, session.pages),
                    pages=session.pages,
                )
    for client in ("987654321.1500000000", "987654322.1500000000"):
        visits = [
            session
            for session in sessions
            if session.client == client and oslo_day(session.started_at) != missing
        ]
        book.show(
            "bots",
            client=client,
            browser=visits[0].browser,
            page_views=sum(visit.pages for visit in visits),
            session_ids=len({visit.session_id for visit in visits}),
        )
    flipper = next(session for session in sessions if session.mark == "login_midway")
    book.show(
        "address_in_link", client=flipper.client, link_contains="email=flipper.14@example.org"
    )
    purchases = [
        session
        for session in sessions
        if session.order >= 0 and oslo_day(session.started_at) != missing
    ]
    shown = [orders[session.order] for session in purchases[:5]]
    book.show(
        "web_purchase",
        purchase_events=len(purchases),
        orders=[order.number for order in shown],
        web_revenue=[order.total / 100 for order in shown],
    )
