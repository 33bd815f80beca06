"""SendGrid's event webhook: bodies stored in files by day, delivered at least once.

Native quirks kept: ``smtp-id`` with a hyphen, ``category`` as text or list, event ids in several
encodings, events repeated in the same file and up to 29 hours later, events out of order.
"""

from __future__ import annotations

import base64
from datetime import date, timedelta

import orjson

from simulation.catalogue import LINKS, PRODUCTS, UNSUBSCRIBE_LINK
from simulation.deliveries import Book, Quarantined
from simulation.draws import stream
from simulation.local_time import DAY, Calendar
from simulation.mailings import Campaign, Mail, MailEvent, Message
from simulation.people import Person, names_one_person

_MACHINE_AGENTS = {
    "apple": "Mozilla/5.0",
    "gateway": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/114.0.0.0",
    "": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mail/16.0",
}
_HALF_DAY = DAY // 2
_GROUP = 10
MALFORMED_DAY = 9


def export_events(
    book: Book, mail: Mail, people: list[Person], calendar: Calendar, seed: int
) -> None:
    """Write all files of the instance ``sendgrid`` and note its identifiers, counts and traps."""
    halves = 2 * calendar.days
    files: list[list[tuple[int, str]]] = [[] for _ in range(halves)]
    chances = stream(seed, "webhook").random((len(mail.events), 2)).tolist()
    repeats = exported = 0
    for number, (event, u) in enumerate(zip(mail.events, chances, strict=True)):
        if not calendar.contains(event.at):
            continue
        half = _half(event.at, calendar)
        text = _event(number, event, mail, people)
        arrival = min(halves - 1, half + 1) if u[0] < 0.004 else half
        copies = _copies(event, mail, people, u[1])
        exported += 1
        arrivals = [arrival, *(min(halves - 1, arrival + later) for later in copies)]
        for copy, place in enumerate(arrivals):
            files[place].append((event.at + copy, text))
        repeats += len(copies)
        if copies and "webhook_repeats" not in book.evidence:
            paths = sorted({_path(place, mail, calendar) for place in arrivals})
            book.show(
                "webhook_repeats",
                event_id=_event_id(number, event),
                files=paths,
                deliveries=len(arrivals),
            )
        if not event.is_machine:
            _count(book, event, mail)
    _identify(book, mail)
    by_path: dict[str, list[tuple[int, str]]] = {}
    for half, lines in enumerate(files):
        by_path.setdefault(_path(half, mail, calendar), []).extend(lines)
    for path, lines in by_path.items():
        if not lines:
            continue
        texts = [text for _, text in sorted(lines)]
        day = date.fromisoformat(path[len("sendgrid/events_") :][:10])
        if day == calendar.day(MALFORMED_DAY):
            texts.append(_malformed(book, path, len(texts) + 1))
        content = ("[" + ",\n".join(texts) + "]\n").encode()
        book.write(path, content, "events", day, day + timedelta(days=1), len(texts))
    _show(book, mail, people)
    book.show("webhook_repeats", repeated_events=repeats, distinct_events=exported)


def _half(at: int, calendar: Calendar) -> int:
    return min(2 * calendar.days - 1, (at - calendar.start) // _HALF_DAY)


def _path(half: int, mail: Mail, calendar: Calendar) -> str:
    """One file a day; two on the days of a newsletter, when the receiver's buffer fills up."""
    day = calendar.day(half // 2).isoformat()
    if any(campaign.is_newsletter and campaign.day == half // 2 for campaign in mail.campaigns):
        return f"sendgrid/events_{day}_{'00' if half % 2 == 0 else '12'}.json"
    return f"sendgrid/events_{day}.json"


def _copies(event: MailEvent, mail: Mail, people: list[Person], chance: float) -> tuple[int, ...]:
    role = people[mail.messages[event.message].person].role
    if role == "behind_gateway" and event.kind == "click":
        return (0, 2)
    if chance < 0.04:
        return (0,)
    if chance < 0.07:
        return (0, 1)
    return (1, 2, 2) if chance < 0.08 else ()


def _event_id(number: int, event: MailEvent) -> str:
    raw = f"{event.kind}-{number}-{event.message:08x}"
    if number % 3 == 0:
        return base64.b64encode(raw.encode()).decode()
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _event(number: int, event: MailEvent, mail: Mail, people: list[Person]) -> str:
    message = mail.messages[event.message]
    campaign = mail.campaigns[message.campaign]
    body: dict[str, object] = {
        "email": message.email,
        "timestamp": event.at,
        "smtp-id": f"<{message.token}@ismtpd-5>",
        "event": event.kind,
        "category": _category(campaign),
        "sg_event_id": _event_id(number, event),
        "sg_message_id": f"{message.token}.filter0001.16648.5515E0B88.0",
    }
    if campaign.is_newsletter:
        body["singlesend_id"] = campaign.campaign_id
        body["singlesend_name"] = campaign.name
    if event.kind in ("open", "click"):
        body["useragent"] = _MACHINE_AGENTS[event.machine]
        body["ip"] = f"192.0.2.{message.person % 250 + 1}"
    if event.kind == "open":
        body["sg_machine_open"] = event.machine == "apple"
    if event.kind == "click":
        body["url"] = _url(event.link, message, campaign)
    if event.kind == "deferred":
        body["response"] = f"450 try again later, {message.email}"
        body["attempt"] = "1"
    if event.kind == "delivered":
        body["response"] = "250 OK"
    if event.kind in ("bounce", "dropped"):
        body["reason"] = f"550 unknown recipient <{message.email}>"
        body["status"] = "5.1.1"
    if event.kind.startswith("group_"):
        body["asm_group_id"] = _GROUP
    return orjson.dumps(body).decode()


def _category(campaign: Campaign) -> str | list[str]:
    if not campaign.is_newsletter:
        return "order confirmation"
    return ["newsletter", campaign.name] if campaign.category_is_list else "newsletter"


def _url(link: int, message: Message, campaign: Campaign) -> str:
    sku = PRODUCTS[message.person % len(PRODUCTS)].sku
    return LINKS[link].format(sku=sku, campaign=campaign.campaign_id, token=message.token)


def _count(book: Book, event: MailEvent, mail: Mail) -> None:
    message = mail.messages[event.message]
    signal = {
        "open": "email_opens_human",
        "click": "email_clicks_human",
        "unsubscribe": "unsubscribes",
        "group_unsubscribe": "unsubscribes",
        "spamreport": "spam_reports",
    }.get(event.kind)
    if signal:
        book.count(message.person, signal, 1, int(names_one_person(message.email)))


def _identify(book: Book, mail: Mail) -> None:
    for message in mail.messages:
        book.identify("sendgrid", "email", message.email, message.person)


def _malformed(book: Book, path: str, row: int) -> str:
    record = Quarantined("sendgrid", "events", path, row, "missing_required", "no sg_event_id")
    book.reject(record)
    book.show("malformed_event", file=path, row=row, reason=record.reason, column="sg_event_id")
    body = {"email": "broken.mail@example.org", "timestamp": 1_700_000_000, "event": "open"}
    return orjson.dumps(body).decode()


def _show(book: Book, mail: Mail, people: list[Person]) -> None:
    cast = {person.index for person in people if person.is_cast}
    of_cast: dict[int, list[MailEvent]] = {}
    for event in mail.events:
        if mail.messages[event.message].person in cast:
            of_cast.setdefault(event.message, []).append(event)
    for trap, role, machine, kind in (
        ("machine_open", "apple_reader", "apple", "open"),
        ("gateway_click", "behind_gateway", "gateway", "click"),
    ):
        for message in mail.messages:
            person = people[message.person]
            if person.role != role or not mail.campaigns[message.campaign].is_newsletter:
                continue
            events = [event for event in of_cast[message.number] if event.kind == kind]
            book.show(
                trap,
                email=message.email,
                message=message.token,
                campaign_id=mail.campaigns[message.campaign].campaign_id,
                machine_events=sum(event.machine == machine for event in events),
                human_events=sum(not event.is_machine for event in events),
                clicks_unsubscribe_link=any(event.link == UNSUBSCRIBE_LINK for event in events),
            )
    for event in (event for events in of_cast.values() for event in events):
        message = mail.messages[event.message]
        if people[message.person].role == "resubscriber" and event.kind.startswith("group_"):
            book.show("resubscribed", email=message.email, event=event.kind, at=event.at)
    for campaign in mail.campaigns[1:3]:
        book.show("category_forms", campaign_id=campaign.campaign_id, category=_category(campaign))
