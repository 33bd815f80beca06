"""What the marts must hold, worked out a second time from the exports alone.

An independent reading of the documents: it imports nothing of the pipeline, reads neither
rapport.yml nor the truth, understands the simulated company only, and can be checked by eye.
Moments are naive UTC, identifiers nodes ``id_space|type|value`` with clear e-mail addresses.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

Record = dict[str, Any]
Row = tuple[str, int, Record]  # file below the exports, record of the file from 1, its fields
Known = tuple[Any, Any, Any]  # id, version (None: equal ids of a file are twins), the rest
Reader = Callable[[Record], Known]  # a record it cannot read is quarantined
Touch = tuple[str, str, str | None, datetime]  # source, what in its own word, best identifier, when
Look = tuple[str | None, datetime, str]  # best identifier, when, address of the page
# Best identifier (the last login, else the browser), start, end, pages, converted, human.
Session = tuple[str | None, datetime, datetime, int, bool, bool]
OSLO, JAKARTA = ZoneInfo("Europe/Oslo"), ZoneInfo("Asia/Jakarta")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- all moments are naive UTC
NEAR, CENT, NOTHING = timedelta(seconds=2), Decimal("0.01"), Decimal(0)
MACHINE_WORDS = re.compile(r"bot\b|crawl|spider|headless", re.IGNORECASE)
SECONDS, MINUTES = "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"
OFFSET, ISO = "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S.%f%z"
OWN, FRIEND = "customer:Kundenr email:E-post", "customer:advocate email:advocate_mail"
ANSWERER = "customer:person_properties.customer_id email:person.email"
ANSWERER += " email:person_properties.email survey_person:person"
LEDGER = "Kort Tid Hendelse Poeng Bilag"
LEDGER_KINDS = ("Innmelding", "Opptjening", "Uttak", "Tilbakeføring", "Nivåbytte")
# Files, id, moment, its form (units per second), newer by, number, who, what (a field or a word).
OFFICE: tuple[tuple[str, str, str, str | int, str, str, str, str], ...] = (
    ("back_office/saker", "Saksnr", "Åpnet", MINUTES, "Endret", "", OWN, "Type"),
    ("back_office/butikkbesok", "Besøk", "Inn", SECONDS, "=", "", OWN, "store_visit"),
    ("back_office/omtaler", "Omtale", "Når", SECONDS, "=", "", "email:E-post", "review"),
    ("back_office/anrop", "Anrop", "Start", OFFSET, "=", "", "email:E-post", "call"),
    ("back_office/social", "post.id", "when", ISO, "=", "", "email:author.mail", "what"),
    ("back_office/push", "uuid", "ts", 1000, "=", "", "customer:to.shop_no", "type"),
    ("back_office/intervjuer", "Intervju", "Tid", SECONDS, "=", "Karakter", OWN, "survey_answer"),
    ("back_office/utsendelser", "Utsendelse", "Sendt", SECONDS, "=", "", OWN, "survey_sent"),
    ("back_office/advocates", "ref_no", "sent", ISO, "=", "", FRIEND, "referral"),
    ("back_office/poengbok", LEDGER, "Tid", SECONDS, "", "Poeng", "loyalty:Kort", "Hendelse"),
    ("delighted/", "id", "created_at", 1, "updated_at", "score", ANSWERER, "survey_answer"),
)


class Order(NamedTuple):
    """An order document, in goods only: net is gross less discount and refund."""

    source: str
    order_id: str
    identifier: str | None
    ordered_at: datetime
    currency: str
    gross: Decimal
    discount: Decimal
    refund: Decimal
    net: Decimal
    is_counted: bool
    is_test: bool = False


class Reference:
    """All that follows from a folder of exports. ``quarantined``: (file, record number from 1)."""

    def __init__(self, exports: Path) -> None:
        self.exports = exports
        self.orders: list[Order] = []
        self.touches: list[Touch] = []
        self.sessions: list[Session] = []
        self.looks: list[Look] = []
        self.quarantined: set[tuple[str, int]] = set()
        last = max(path.stem[-10:] for path in exports.glob("back_office/*"))
        self.end = datetime.fromisoformat(last) + timedelta(days=2)
        for part in (self._shop, self._till, self._indonesia, self._mail, self._web):
            part()
        for kind in OFFICE:
            self._office(*kind)
        sold = (order for order in self.orders if order.is_counted)
        self.touches += ((x.source, "order", x.identifier, x.ordered_at) for x in sold)

    def _rows(self, pattern: str) -> list[Row]:
        """All records in the order of the files' names; the same bytes count once."""
        rows, known = list[Row](), set[bytes]()
        for path in sorted(self.exports.glob(pattern)):
            content = path.read_bytes()
            if content not in known:
                known.add(content)
                name = path.relative_to(self.exports).as_posix()
                rows += ((name, at, row) for at, row in enumerate(_records(name, content), 1))
        assert rows, f"no records in {self.exports / pattern}"
        # The list of advocates is delivered whole: the newest file replaces the others.
        return [row for row in rows if row[0] == rows[-1][0] or "advocates" not in pattern]

    def _in_force(self, pattern: str, read: Reader) -> list[tuple[Record, Any]]:
        """The newest row of every id, between equals that of the later file, and what was read."""
        newest: dict[object, tuple[Any, Record, Any]] = {}
        twins: Counter[object] = Counter()
        for name, number, row in self._rows(pattern):
            try:
                key, version, rest = read(row)
            except (KeyError, ValueError):
                self.quarantined.add((name, number))
                continue
            twins[name, key] += version is None
            place = (key, twins[name, key])
            if version is None or place not in newest or version >= newest[place][0]:
                newest[place] = (version, row, rest)
        return [(row, rest) for _, row, rest in newest.values()]

    def _shop(self) -> None:
        """Shopify: a block of rows is an order, the newest file that holds it speaks for it."""
        blocks: dict[str, list[Row]] = {}
        block: list[Row] = []
        for row in self._rows("shopify/*.csv"):
            if row[2]["Currency"]:
                block = blocks[row[2]["Name"]] = []
            block.append(row)
        for block in blocks.values():
            try:
                self.orders.append(_shop_order(*(record for _, _, record in block)))
            except ValueError:
                self.quarantined |= {(name, number) for name, number, _ in block}

    def _till(self) -> None:
        """Receipts: the newest file that holds a number speaks for it."""

        def read(row: Record) -> Known:
            gross, discount, back = (_money(row[x], True) for x in ("Brutto", "Rabatt", "Refusjon"))
            at, buyer = _time(row["Tidspunkt"], SECONDS), _best(("loyalty", row["Kort"]))
            money = ("NOK", gross, discount, back, gross - discount - back, gross > 0)
            return row["Bon"], 0, Order("back_office", _id(row["Bon"]), buyer, at, *money)

        self.orders += (x for _, x in self._in_force("back_office/kvitteringer_*", read))

    def _indonesia(self) -> None:
        """Order lines, every one of them real; a number that begins with C takes money back."""

        def read(row: Record) -> Known:
            at = _time(row["Waktu"], "%d/%m/%Y %H:%M:%S", JAKARTA)
            return object(), 0, (at, _money(row["Jumlah"]) * _money(row["Harga"], True))

        lines = defaultdict(list)
        for row, (at, amount) in self._in_force("back_office/pesanan_*", read):
            lines[_id(row["No Pesanan"])].append((at, amount, _best(("email", row["Surel"]))))
        for number, own in lines.items():
            net = sum((amount for _, amount, _ in own), NOTHING)
            gross = sum((max(x, NOTHING) for _, x, _ in own if number[0] != "C"), NOTHING)
            money = ("IDR", gross, NOTHING, gross - net, net, gross > 0)
            self.orders.append(Order("back_office", number, own[0][2], own[0][0], *money))

    def _mail(self) -> None:
        """Mail events by their id, without the opens and clicks that show a sign of a machine."""
        key, moment, mail = "sg_event_id", "timestamp", "sg_message_id"
        events = self._in_force("sendgrid/*", lambda e: (_id(e[key]), 0, _time(e[moment], 1)))
        sent = {event[mail]: at for event, at in events if event["event"] == "delivered"}
        clicks = [(e[mail], at, e["url"]) for e, at in events if e["event"] == "click"]
        for event, at in events:
            others = (when for of, when, url in clicks if of == event[mail] and url != event["url"])
            is_machine = event["event"] in ("open", "click") and (
                event.get("sg_machine_open")
                or MACHINE_WORDS.search(event["useragent"])
                or at - sent.get(event[mail], EPOCH) <= NEAR
                or ("url" in event and any(abs(at - when) <= NEAR for when in others))
            )
            if not is_machine:
                who = _best(("email", event["email"]))
                self.touches.append(("sendgrid", event["event"], who, at))

    def _web(self) -> None:
        """Web events: the same event of overlapping and repeated tables once, its twins apart."""

        def read(event: Record) -> Known:
            batch = (event["event_name"], str(event["event_bundle_sequence_id"]))
            at = _time(event["event_timestamp"], 1_000_000)
            return (event.get("user_pseudo_id"), at, *batch), None, at

        visits = defaultdict(list)
        for event, at in self._in_force("ga4/*", read):
            params = {param["key"]: param["value"] for param in event["event_params"]}
            number = str(params.get("ga_session_id", {}).get("int_value", ""))
            visits[event.get("user_pseudo_id"), number].append((at, event))
        for (client, _), events in visits.items():
            self._visit(client, sorted(events, key=lambda item: item[0]))

    def _visit(self, client: str | None, events: list[tuple[datetime, Record]]) -> None:
        """One session, machines told apart; events without consent come together and are none."""
        views = [(at, event) for at, event in events if event["event_name"] == "page_view"]
        pages = [(at, at.replace(tzinfo=UTC).astimezone(OSLO).date(), e) for at, e in views]
        of_day = {day: [at for at, of, _ in pages if of == day] for day in {x[1] for x in pages}}
        took = {day: at[-1] - at[0] for day, at in of_day.items() if len(at) >= 20}
        fast = {day for day in took if took[day] < NEAR * (len(of_day[day]) - 1)}
        named = any(MACHINE_WORDS.search(e["device"]["web_info"]["browser"]) for _, e in events)
        for at, day, event in pages:
            if not named and day not in fast:
                who = _best(("customer", event.get("user_id")), ("anonymous", client))
                self.touches.append(("ga4", "page_view", who, at))
                address = next(x for x in event["event_params"] if x["key"] == "page_location")
                self.looks.append((who, at, address["value"]["string_value"]))
        if client:
            logins = ["", *(event["user_id"] for _, event in events if event.get("user_id"))]
            who = _best(("customer", logins[-1]), ("anonymous", client))
            is_bought = any(event["event_name"] == "purchase" for _, event in events)
            facts = (len(pages), is_bought, not named and not fast)
            self.sessions.append((who, events[0][0], events[-1][0], *facts))

    def _office(self, files: str, key: str, moment: str, form: str | int, *rest: str) -> None:
        """Touches of one kind of file, each with its own words and clock."""
        newer, number, who, word = rest

        def read(row: Record) -> Known:
            at = _time(_at(row, moment), form)
            if at > self.end or (word == "Hendelse" and row[word] not in LEDGER_KINDS):
                raise ValueError(f"{row} lies after the last delivery, or is of no known kind")
            _money(str(row.get(number, 0)))
            version = _time(row[newer], form) if newer.strip("=") else newer or None
            return _id(" ".join(_at(row, part) for part in key.split())), version, at

        for row, at in self._in_force(f"{files}*", read):
            nodes = (node.partition(":") for node in who.split())
            best = _best(*((kind, _at(row, path)) for kind, _, path in nodes))
            self.touches.append((files.partition("/")[0], row.get(word, word), best, at))


def _shop_order(row: Record, *others: Record) -> Order:
    for line in (row, *others):
        _ = _money(line["Lineitem quantity"]) * _money(line["Lineitem price"])
    subtotal, tax, total = (_money(row[name]) for name in ("Subtotal", "Taxes", "Total"))
    back, discount = _money(row["Refunded Amount"]), _money(row["Discount Amount"])
    is_open = row["Financial Status"] in ("pending", "authorized")
    is_unpaid = row["Financial Status"] == "voided" or (is_open and row["Cancelled at"] != "")
    # Short of everything, what went back holds goods and their tax in proportion.
    share = (back * subtotal / (subtotal + tax or 1)).quantize(CENT, ROUND_HALF_UP)
    refund = subtotal if is_unpaid or back >= total else min(subtotal, share)
    is_test = "test" in re.findall(r"\w+", row["Tags"].lower())
    money = (row["Currency"], subtotal + discount, discount, refund, subtotal - refund)
    flags = (money[1] > 0 and not is_test and not is_unpaid, is_test)
    at, buyer = _time(row["Created at"], OFFSET), _best(("email", row["Email"]))
    return Order("shopify", _id(row["Name"]), buyer, at, *money, *flags)


def _records(name: str, content: bytes) -> list[Record]:
    if name.endswith(".parquet"):
        return list(pq.read_table(io.BytesIO(content)).to_pylist())
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    text = plain.decode("cp1252" if "/omtaler" in name else "utf-8-sig")
    if not name.endswith(".csv"):
        lines = text.strip().split("\n")
        return list(json.loads(text)) if name.endswith(".json") else [json.loads(x) for x in lines]
    comma = "," if name.startswith(("shopify/", "back_office/advocates")) else ";"
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=comma)
    # A row of another length has no field that could be trusted.
    return [dict(zip(header, row, strict=False)) if len(row) == len(header) else {} for row in rows]


def _money(text: str, comma: bool = False) -> Decimal:
    form = r"-?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?" if comma else r"-?\d+(\.\d+)?"
    if not re.fullmatch(form, text):
        raise ValueError(f"not a number: {text}")
    return Decimal(text.replace(".", "").replace(",", ".") if comma else text)


def _id(text: str) -> str:
    if re.fullmatch(r"\d\.\d+E\+?\d+", text, re.IGNORECASE) or not text.strip():
        raise ValueError(f"digits of the id are lost: {text!r}")
    return unicodedata.normalize("NFC", text).strip()


def _time(text: object, form: str | int, zone: ZoneInfo = OSLO) -> datetime:
    if isinstance(form, int):
        return EPOCH + timedelta(microseconds=int(str(text)) * 1_000_000 // form)
    moment = datetime.strptime(str(text), form)  # noqa: DTZ007
    # In the hour that the clock repeats, a time without offset is winter time.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=1)
    return moment.astimezone(UTC).replace(tzinfo=None)


def _best(*nodes: tuple[str, object]) -> str | None:
    """The first node that has a value; kinds come in the order of trust."""
    for kind, value in nodes:
        if text := unicodedata.normalize("NFKC", str(value or "")).strip():
            return f"any|email|{text.lower()}" if kind == "email" else f"shop|{kind}|{text}"
    return None


def _at(row: Any, path: str) -> Any:
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row.get("id") if isinstance(row, dict) else row or ""
