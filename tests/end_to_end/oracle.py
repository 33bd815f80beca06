"""What the marts must hold, worked out a second time from the exports alone.

An independent reading of docs/mapping.md, the contracts and the descriptions of the marts: it
imports nothing of the pipeline, reads neither rapport.yml nor the truth, and is short enough to be
checked by eye. Amounts are Decimal, moments naive UTC, identifiers nodes ``id_space|type|value``
with e-mail addresses in the clear. Only the exports of the simulated company are understood.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

Record = dict[str, Any]
Read = TypeVar("Read")
Version = tuple[str, Any, datetime]  # id of a record, what says how new it is, when it happened
Row = tuple[str, int, Record]  # file below the exports, record of the file from 1, its fields

OSLO, JAKARTA = ZoneInfo("Europe/Oslo"), ZoneInfo("Asia/Jakarta")
NEVER_PAID = ("pending", "authorized", "voided")
MACHINE_WORDS = re.compile(r"bot\b|crawl|spider|headless", re.IGNORECASE)
MAIL_SIGNALS = {
    "open": "email_opens_human",
    "click": "email_clicks_human",
    "unsubscribe": "unsubscribes",
    "group_unsubscribe": "unsubscribes",
    "spamreport": "spam_reports",
}
LEDGER_KINDS = ("Innmelding", "Opptjening", "Uttak", "Tilbakeføring", "Nivåbytte")
SOCIAL_KINDS = ("comment", "direct_message", "share")
MINUTES, SECONDS, ISO = "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f%z"
OFFSET = "%Y-%m-%d %H:%M:%S %z"


@dataclass(frozen=True)
class Order:
    """An order document; ``net`` is gross less discount and refund, all of goods only."""

    source: str
    order_id: str
    identifier: str | None
    ordered_at: datetime
    currency: str
    gross: Decimal
    discount: Decimal
    refund: Decimal
    is_counted: bool
    is_test: bool = False

    @property
    def net(self) -> Decimal:
        """Goods money that stayed."""
        return self.gross - self.discount - self.refund


@dataclass(frozen=True)
class Touch:
    """Something a person did, once: ``identifier`` is the best one of the record, None without."""

    source: str
    signal: str
    identifier: str | None
    at: datetime


@dataclass(frozen=True)
class Session:
    """A web session; ``identifier`` is its last login, else the browser."""

    identifier: str
    started_at: datetime
    ended_at: datetime
    page_views: int
    is_converted: bool
    is_human: bool


@dataclass
class Reference:
    """All that was worked out. ``quarantined`` holds (file, record number from 1)."""

    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    quarantined: set[tuple[str, int]] = field(default_factory=set)

    def revenue(self) -> dict[tuple[str, str], tuple[Decimal, int]]:
        """(source, currency) to (net, counted orders), test orders left out."""
        sums: dict[tuple[str, str], tuple[Decimal, int]] = {}
        for order in self.orders.values():
            if not order.is_test:
                net, orders = sums.get((order.source, order.currency), (Decimal(0), 0))
                counted = orders + order.is_counted
                sums[order.source, order.currency] = (net + order.net, counted)
        return sums

    def counts(self) -> Counter[tuple[str, str | None]]:
        """(signal, identifier) to the number of touches."""
        return Counter((touch.signal, touch.identifier) for touch in self.touches)


def work_out(exports: Path) -> Reference:
    """Read every export that carries orders or engagement."""
    found = Reference()
    for part in (_shop, _till, _indonesia, _mail, _web, _answers, _back_office):
        part(exports, found)
    for order in found.orders.values():
        if order.is_counted:
            found.touches.append(Touch(order.source, "orders", order.identifier, order.ordered_at))
    return found


# --- files -----------------------------------------------------------------------------------


def _rows(exports: Path, pattern: str, delimiter: str = ";", encoding: str = "utf-8") -> list[Row]:
    """All records, files in the order of their names; the same bytes count once."""
    rows: list[Row] = []
    known: set[bytes] = set()
    for path in sorted(exports.glob(pattern)):
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        if digest not in known:
            known.add(digest)
            name = path.relative_to(exports).as_posix()
            records = _records(name, content, delimiter, encoding)
            rows += ((name, number, record) for number, record in enumerate(records, 1))
    assert rows, f"no records in {exports / pattern}"
    return rows


def _records(name: str, content: bytes, delimiter: str, encoding: str) -> Iterator[Record]:
    if name.endswith(".parquet"):
        return iter(pq.read_table(io.BytesIO(content)).to_pylist())
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode(encoding)
    if name.endswith(".json"):
        return iter(json.loads(text))
    if ".ndjson" in name:
        return (json.loads(line) for line in text.split("\n") if line)
    header, *lines = csv.reader(
        io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter
    )
    # A line of another length has no fields that could be trusted.
    return (
        dict(zip(header, line, strict=True)) if len(line) == len(header) else {} for line in lines
    )


def _each(
    found: Reference, rows: list[Row], read: Callable[[Record], Read]
) -> Iterator[tuple[Record, Read]]:
    """Every record beside what ``read`` makes of it; a record it cannot take is quarantined."""
    for name, number, record in rows:
        try:
            yield record, read(record)
        except (KeyError, ValueError):
            found.quarantined.add((name, number))


def _in_force(
    found: Reference, rows: list[Row], read: Callable[[Record], Version]
) -> list[tuple[Record, datetime]]:
    """The newest row of every id; between equals the one of the later file."""
    newest: dict[str, tuple[Any, Record, datetime]] = {}
    for row, (key, version, at) in _each(found, rows, read):
        if key not in newest or version >= newest[key][0]:
            newest[key] = (version, row, at)
    return [(row, at) for _, row, at in newest.values()]


# --- fields ----------------------------------------------------------------------------------


def _money(text: str, comma: bool = False) -> Decimal:
    form = r"-?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?" if comma else r"-?\d+(\.\d+)?"
    if not re.fullmatch(form, text):
        raise ValueError(f"not a number: {text}")
    return Decimal(text.replace(".", "").replace(",", ".") if comma else text)


def _id(text: str) -> str:
    if re.fullmatch(r"\d\.\d+E\+?\d+", text, re.IGNORECASE) or not text.strip():
        raise ValueError(f"digits of the id are lost: {text!r}")
    return unicodedata.normalize("NFC", text).strip()


def _time(text: str, form: str, zone: ZoneInfo = OSLO) -> datetime:
    """In the hour that the clock repeats, a time without offset is winter time."""
    moment = datetime.strptime(text, form)  # noqa: DTZ007 -- the zone follows
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone, fold=1)
    return moment.astimezone(UTC).replace(tzinfo=None)


def _epoch(number: object, per_second: int = 1) -> datetime:
    moment = datetime(1970, 1, 1) + timedelta(
        microseconds=int(str(number)) * 1_000_000 // per_second
    )  # noqa: DTZ001
    return moment


def _best(*nodes: tuple[str, object]) -> str | None:
    """The first node that has a value; kinds come in the order of trust."""
    for kind, value in nodes:
        if value and str(value).strip():
            text = unicodedata.normalize("NFKC", str(value)).strip()
            return f"any|email|{text.lower()}" if kind == "email" else f"shop|{kind}|{text}"
    return None


# --- orders ----------------------------------------------------------------------------------


def _shop(exports: Path, found: Reference) -> None:
    """Shopify: a block of rows is an order, the newest file that holds it speaks for it."""
    blocks: dict[str, list[Row]] = {}
    block: list[Row] = []
    for row in _rows(exports, "shopify/*.csv", ","):
        if row[2]["Created at"]:
            block = blocks[row[2]["Name"]] = []
        block.append(row)
    for block in blocks.values():
        try:
            order = _shop_order([record for _, _, record in block])
            found.orders["shopify", order.order_id] = order
        except ValueError:
            found.quarantined |= {(name, number) for name, number, _ in block}


def _shop_order(block: list[Record]) -> Order:
    first = block[0]
    for line in block:
        _money(line["Lineitem quantity"]), _money(line["Lineitem price"])
    subtotal, tax, total = (_money(first[name]) for name in ("Subtotal", "Taxes", "Total"))
    returned, discount = _money(first["Refunded Amount"]), _money(first["Discount Amount"])
    status = first["Financial Status"]
    is_unpaid = status == "voided" or (first["Cancelled at"] != "" and status in NEVER_PAID)
    if is_unpaid or returned >= total:
        refund = subtotal
    else:
        # The share of goods in what went back: shipping stays, tax goes with its goods.
        goods = (returned * subtotal / (subtotal + tax)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        refund = min(subtotal, goods)
    is_test = "test" in re.findall(r"\w+", first["Tags"].lower())
    return Order(
        source="shopify",
        order_id=_id(first["Name"]),
        identifier=_best(("email", first["Email"])),
        ordered_at=_time(first["Created at"], OFFSET),
        currency=first["Currency"],
        gross=subtotal + discount,
        discount=discount,
        refund=refund,
        is_counted=subtotal + discount > 0 and not is_test and not is_unpaid,
        is_test=is_test,
    )


def _till(exports: Path, found: Reference) -> None:
    """Receipts: the newest file that holds a number speaks for it."""

    def read(row: Record) -> Order:
        gross, discount, refund = (
            _money(row[name], True) for name in ("Brutto", "Rabatt", "Refusjon")
        )
        at = _time(row["Tidspunkt"], "%d.%m.%Y %H:%M:%S")
        buyer = _best(("loyalty", row["Kort"]))
        number = _id(row["Bon"])
        return Order("back_office", number, buyer, at, "NOK", gross, discount, refund, gross > 0)

    for _, order in _each(found, _rows(exports, "back_office/kvitteringer_*.csv"), read):
        found.orders["back_office", order.order_id] = order


def _indonesia(exports: Path, found: Reference) -> None:
    """Order lines, every one of them real; a number that begins with C takes money back."""

    def read(row: Record) -> tuple[datetime, Decimal]:
        at = _time(row["Waktu"], "%d/%m/%Y %H:%M:%S", JAKARTA)
        return at, _money(row["Jumlah"]) * _money(row["Harga"], True)

    lines: dict[str, list[tuple[datetime, Decimal, str | None]]] = defaultdict(list)
    for row, (at, amount) in _each(found, _rows(exports, "back_office/pesanan_*.csv"), read):
        lines[_id(row["No Pesanan"])].append((at, amount, _best(("email", row["Surel"]))))
    zero = Decimal(0)
    for number, own in lines.items():
        is_sale = not number.startswith("C")
        gross = sum((amount for _, amount, _ in own if amount > 0), zero) if is_sale else zero
        refund = gross - sum((amount for _, amount, _ in own), zero)
        order = Order(
            "back_office", number, own[0][2], own[0][0], "IDR", gross, zero, refund, gross > 0
        )
        found.orders["back_office", number] = order


# --- engagement ------------------------------------------------------------------------------


def _mail(exports: Path, found: Reference) -> None:
    """Mail events by their id. Machines: flagged opens, whatever follows the delivery within two
    seconds, and several links of one message within two seconds.
    """

    def read(event: Record) -> Version:
        return _id(event["sg_event_id"]), 0, _epoch(event["timestamp"])

    events = _in_force(found, _rows(exports, "sendgrid/*"), read)
    delivered: dict[str, datetime] = {}
    clicks: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for event, at in events:
        if event["event"] == "delivered":
            delivered[event["sg_message_id"]] = at
        elif event["event"] == "click":
            clicks[event["sg_message_id"]].append((at, event["url"]))
    near = timedelta(seconds=2)
    for event, at in events:
        message, kind = event["sg_message_id"], event["event"]
        if kind in ("open", "click"):
            sent = delivered.get(message)
            others = (when for when, url in clicks[message] if url != event.get("url"))
            if (
                event.get("sg_machine_open")
                or MACHINE_WORDS.search(event["useragent"])
                or (sent is not None and at - sent <= near)
                or (kind == "click" and any(abs(at - when) <= near for when in others))
            ):
                continue
        if kind in MAIL_SIGNALS:
            who = _best(("email", event["email"]))
            found.touches.append(Touch("sendgrid", MAIL_SIGNALS[kind], who, at))


def _web(exports: Path, found: Reference) -> None:
    """Web events: the same event of overlapping and repeated tables once, its twins apart."""

    def read(event: Record) -> datetime:
        return _epoch(event["event_timestamp"], 1_000_000)

    events: dict[object, tuple[Record, datetime, str]] = {}
    twins: Counter[object] = Counter()
    for name, number, event in _rows(exports, "ga4/*"):
        for _, at in _each(found, [(name, number, event)], read):
            what = (
                str(event["event_timestamp"]),
                event["event_name"],
                str(event["event_bundle_sequence_id"]),
            )
            same = (event.get("user_pseudo_id"), *what)
            twins[name, same] += 1
            params = {param["key"]: param["value"] for param in event["event_params"]}
            session = params.get("ga_session_id", {"int_value": ""})["int_value"]
            events[same, twins[name, same]] = (event, at, str(session))
    visits: dict[tuple[str, str], list[tuple[datetime, Record]]] = defaultdict(list)
    for event, at, session in events.values():
        if event.get("user_pseudo_id"):
            visits[event["user_pseudo_id"], session].append((at, event))
        elif event["event_name"] == "page_view":
            found.touches.append(Touch("ga4", "page_views", None, at))
    for (client, _), own in visits.items():
        own.sort(key=lambda item: item[0])
        _visit(client, own, found)


def _visit(client: str, events: list[tuple[datetime, Record]], found: Reference) -> None:
    shown: dict[date, list[datetime]] = defaultdict(list)
    for at, event in events:
        if event["event_name"] == "page_view":
            shown[at.replace(tzinfo=UTC).astimezone(OSLO).date()].append(at)
    fast = {
        day
        for day, pages in shown.items()
        if len(pages) >= 20 and pages[-1] - pages[0] < timedelta(seconds=2) * (len(pages) - 1)
    }
    named = any(MACHINE_WORDS.search(event["device"]["web_info"]["browser"]) for _, event in events)
    logins = [event["user_id"] for _, event in events if event.get("user_id")]
    for at, event in events:
        is_machine = named or at.replace(tzinfo=UTC).astimezone(OSLO).date() in fast
        if event["event_name"] == "page_view" and not is_machine:
            who = _best(("customer", event.get("user_id")), ("anonymous", client))
            found.touches.append(Touch("ga4", "page_views", who, at))
    owner = _best(("customer", logins[-1] if logins else ""), ("anonymous", client))
    assert owner
    names = Counter(event["event_name"] for _, event in events)
    found.sessions.append(
        Session(
            identifier=owner,
            started_at=events[0][0],
            ended_at=events[-1][0],
            page_views=names["page_view"],
            is_converted=names["purchase"] > 0,
            is_human=not named and not fast,
        )
    )


def _answers(exports: Path, found: Reference) -> None:
    """Survey answers in their newest version."""

    def read(answer: Record) -> Version:
        _money(str(answer["score"]))
        return _id(answer["id"]), answer["updated_at"], _epoch(answer["created_at"])

    for answer, at in _in_force(found, _rows(exports, "delighted/*"), read):
        person = (
            answer["person"] if isinstance(answer["person"], dict) else {"id": answer["person"]}
        )
        who = _best(
            ("customer", answer["person_properties"].get("customer_id")),
            ("email", person.get("email")),
            ("survey_person", person["id"]),
        )
        found.touches.append(Touch("delighted", "survey_answers", who, at))


def _back_office(exports: Path, found: Reference) -> None:
    """Everything else, each kind of file with its own words and clock."""
    last_day = max(path.stem[-10:] for path in exports.glob("back_office/*"))
    end = datetime.fromisoformat(last_day) + timedelta(days=2)

    def rows(name: str, delimiter: str = ";", encoding: str = "utf-8") -> list[Row]:
        return _rows(exports, f"back_office/{name}_*", delimiter, encoding)

    def note(signal: str, at: datetime, *nodes: tuple[str, object]) -> None:
        found.touches.append(Touch("back_office", signal, _best(*nodes), at))

    def ticket(row: Record) -> Version:
        return row["Saksnr"], _time(row["Endret"], MINUTES), _time(row["Åpnet"], MINUTES)

    for row, at in _in_force(found, rows("saker"), ticket):
        who = (("customer", row["Kundenr"]), ("email", row["E-post"]))
        note("tickets", at, *who)
        if row["Type"] == "Klage":
            note("complaints", at, *who)

    def visit(row: Record) -> Version:
        at = _time(row["Inn"], SECONDS)
        if at > end:
            raise ValueError(f"{at} lies after the last delivery")
        return row["Besøk"], 0, at

    for row, at in _in_force(found, rows("butikkbesok"), visit):
        note("store_visits", at, ("customer", row["Kundenr"]), ("email", row["E-post"]))

    def review(row: Record) -> Version:
        return row["Omtale"], 0, _time(row["Når"], SECONDS)

    for row, at in _in_force(found, rows("omtaler", encoding="cp1252"), review):
        note("reviews", at, ("email", row["E-post"]))

    def call(row: Record) -> Version:
        return row["Anrop"], 0, _time(row["Start"], OFFSET)

    for row, at in _in_force(found, rows("anrop"), call):
        note("calls", at, ("email", row["E-post"]))

    def post(row: Record) -> Version:
        return row["post"]["id"], 0, _time(row["when"], ISO)

    for row, at in _in_force(found, rows("social"), post):
        signal = "social_interactions" if row["what"] in SOCIAL_KINDS else row["what"]
        note(signal, at, ("email", row["author"]["mail"]))

    def push(row: Record) -> Version:
        return row["uuid"], 0, _epoch(row["ts"], 1000)

    for row, at in _in_force(found, rows("push"), push):
        signal = {"sent": "push_received", "opened": "push_open"}[row["type"]]
        note(signal, at, ("customer", row["to"]["shop_no"]))

    def referral(row: Record) -> Version:
        return row["ref_no"], 0, _time(row["sent"], ISO)

    # A snapshot: the newest file is the whole list.
    lists = rows("advocates", ",")
    for row, at in _in_force(found, [row for row in lists if row[0] == lists[-1][0]], referral):
        note("referrals", at, ("customer", row["advocate"]), ("email", row["advocate_mail"]))
    _ledger(found, rows("poengbok"))


def _ledger(found: Reference, rows: list[Row]) -> None:
    """The points ledger has no ids: equal lines of one file are twins, of two files one movement."""
    twins: Counter[object] = Counter()

    def movement(row: Record) -> Version:
        if row["Hendelse"] not in LEDGER_KINDS:
            raise ValueError(f"no movement is called {row['Hendelse']}")
        return repr(row), 0, _time(row["Tid"], SECONDS)

    moves: dict[tuple[str, int], tuple[Record, datetime]] = {}
    for name, number, line in rows:
        for row, at in _in_force(found, [(name, number, line)], movement):
            line_text = repr(
                [row[field] for field in ("Kort", "Tid", "Hendelse", "Poeng", "Bilag")]
            )
            twins[name, line_text] += 1
            moves[line_text, twins[name, line_text]] = (row, at)
    for row, at in moves.values():
        if row["Hendelse"] == "Uttak":
            who = _best(("loyalty", row["Kort"]), ("customer", row["Kundenr"]))
            found.touches.append(Touch("back_office", "loyalty_redemptions", who, at))
