"""HubSpot CRM: contacts and deals as API v3 pages, weekly in full and daily with what changed; once
as CSV.

Native quirks kept: an e-mail address may stand on two contacts; a merged contact vanishes and its
id lives on in ``hs_merged_object_ids`` (a number while it is one id, a text with semicolons later);
the CSV shows times in the portal's zone, to the minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson

from simulation.deliveries import Book, csv_bytes
from simulation.draws import stream
from simulation.local_time import DAY, HOUR, Calendar, iso_text, oslo_day, wall_text
from simulation.mailings import Mail
from simulation.people import HANDOVER, WORK_ADDRESS, Person, by_role, contact_id
from simulation.purchases import Order

FIRST_MERGE_DAY, SECOND_MERGE_DAY = 16, 20
REPLAYED_DAY, REPLAYED_LATE_BY_DAYS = 10, 14
CSV_DAY = 23
_CSV_HEADER = (
    "Record ID",
    "First Name",
    "Last Name",
    "Email",
    "Phone Number",
    "Lifecycle Stage",
    "Create Date",
    "Last Modified Date",
    "Unsubscribed from all email",
    "Country/Region",
    "Industry",
    "Original Source",
    "Merged Contact IDs",
    "Additional email addresses",
)
_DEAL_HEADER = (
    "Record ID",
    "Deal Name",
    "Deal Stage",
    "Pipeline",
    "Amount",
    "Currency",
    "Is Deal Closed?",
    "Is Closed Won",
    "Create Date",
    "Close Date",
    "Last Modified Date",
    "Associated Contact IDs",
)


@dataclass(frozen=True, slots=True)
class Version:
    """A contact from one moment on; ``is_gone`` where it was merged away or deleted."""

    contact_id: str
    at: int
    properties: dict[str, object]
    person: int
    is_gone: bool = False
    is_archived: bool = False


def export_crm(
    book: Book,
    people: list[Person],
    orders: list[Order],
    mail: Mail,
    calendar: Calendar,
    seed: int,
) -> None:
    """Write all files of the instance ``hubspot`` and note its identifiers and traps."""
    versions = _versions(people, orders, mail, calendar, seed)
    _contacts(book, versions, calendar)
    _deals(book, people, calendar, seed)
    gone = {
        version.contact_id: version.at
        for version in versions
        if version.is_gone and not people[version.person].is_swallowed
    }
    for version in versions:
        properties = version.properties
        if version.is_gone:
            continue
        until = gone.get(version.contact_id, 0)
        book.identify("hubspot", "customer", version.contact_id, version.person, 0, until)
        email = str(properties["email"] or "")
        since, ended = people[version.person].times_of(email)
        book.identify("hubspot", "email", email, version.person, since, ended)
        addresses = str(properties.get("hs_additional_emails") or "").split(";")
        merged = str(properties.get("hs_merged_object_ids") or "").split(";")
        if people[version.person].swallows >= 0:
            merged = []
        book.link(
            version.person,
            ("contact", version.contact_id),
            ("email", str(properties["email"] or "")),
            *(("email", address) for address in addresses),
            *(("contact", identifier) for identifier in merged),
        )
        for address in addresses:
            book.identify("hubspot", "email", address, version.person)
        book.identify("hubspot", "phone", str(properties["phone"]), version.person)
    _show(book, by_role(people), calendar)


Facts = dict[str, object]


def _versions(
    people: list[Person], orders: list[Order], mail: Mail, calendar: Calendar, seed: int
) -> list[Version]:
    first_order: dict[int, int] = {}
    for order in orders:
        first_order.setdefault(order.person, order.placed_at)
    chances = stream(seed, "contacts").random((len(people), 3)).tolist()
    versions: list[Version] = []
    for person, u in zip(people, chances, strict=True):
        if not person.contact_id:
            continue
        created = max(calendar.start + HOUR, person.acquired_at - 2 * HOUR)
        changes = [
            (created, {}),
            *_usual_changes(person, first_order, mail, created, calendar),
            *_entangled_changes(person, created),
        ]
        if u[0] < 0.1:
            moved = created + int(u[1] * 20 * DAY)
            changes.append((moved, {"phone": f"+4701{person.index:06d}"}))
        facts: Facts = {"createdate": created, "lifecyclestage": "lead"}
        undone = _undone(person)
        for at, change in sorted(changes, key=lambda item: item[0]):
            facts = {**facts, **change}
            is_away = person.is_swallowed and undone[0][0] <= at < undone[1][0]
            if at < calendar.end and not is_away:
                versions.append(_version(person, person.contact_id, at, facts))
        versions += _second_records(person, facts, created, calendar)
        if u[2] < 0.01 and not person.is_cast and created + 9 * DAY < calendar.end:
            gone = _version(person, person.contact_id, calendar.end - HOUR, facts)
            versions.append(
                Version(gone.contact_id, gone.at, gone.properties, person.index, False, True)
            )
    versions.extend(_merged(by_role(people)["merged"], calendar))
    versions.sort(key=lambda version: (version.at, version.contact_id))
    return versions


def _usual_changes(
    person: Person, first_order: dict[int, int], mail: Mail, created: int, calendar: Calendar
) -> list[tuple[int, Facts]]:
    changes: list[tuple[int, Facts]] = []
    if person.index in first_order:
        bought = max(created + 60, first_order[person.index] + 60)
        changes.append((bought, {"lifecyclestage": "customer"}))
    if person.index in mail.unsubscribed:
        left = mail.unsubscribed[person.index] + 90
        changes.append((max(created + 61, left), {"hs_email_optout": "true"}))
    if person.role == "opted_out":
        # Out, in again, out for good: only the order in time tells.
        for day, out in ((6, "true"), (9, "false"), (21, "true")):
            changes.append((calendar.at(day, 8), {"hs_email_optout": out}))
    return changes


def _entangled_changes(person: Person, created: int) -> list[tuple[int, Facts]]:
    """A new job, somebody merged in by mistake, a second record merged in."""
    changes: list[tuple[int, Facts]] = []
    if person.former_email or person.work_email:
        moved = person.changed_at + (HANDOVER if person.work_email else 0)
        changes.append((max(created + 30, moved), {}))
    if person.swallows >= 0:
        changes += [(at, {"merged": merged}) for at, merged in _undone(person)]
    if person.is_doubled:
        merge: Facts = {"merged": contact_id(person.index, 1), "additional": person.emails[-1]}
        changes.append((_merged_at(person, created), merge))
    return changes


def _merged_at(person: Person, created: int) -> int:
    return max(created + DAY, person.changed_at)


def _second_records(
    person: Person, facts: Facts, created: int, calendar: Calendar
) -> list[Version]:
    """A record that was merged away and came back, and one that was merged away for good."""
    if person.is_swallowed:
        (merged_at, _), (split_at, _) = _undone(person)
        return [
            Version(person.contact_id, merged_at, {}, person.index, True),
            _version(person, person.contact_id, split_at, facts),
        ]
    if person.is_doubled and _merged_at(person, created) < calendar.end:
        return _double(person, facts, created, _merged_at(person, created))
    return []


def _undone(person: Person) -> list[tuple[int, str]]:
    """When two people were merged by mistake, and when they were split again."""
    swallowed = contact_id(person.swallows) if person.swallows >= 0 else ""
    return [(person.changed_at, swallowed), (person.changed_at + 3 * DAY, "")]


def _double(
    person: Person, facts: dict[str, object], created: int, merged_at: int
) -> list[Version]:
    """A second record of the person, under another address, until it is merged into the first."""
    second = contact_id(person.index, 1)
    double = _version(person, second, created + 45, {**facts, "merged": None, "additional": None})
    double.properties["email"] = person.emails[1]
    return [double, Version(second, merged_at, {}, person.index, True)]


def _version(person: Person, identifier: str, at: int, facts: dict[str, object]) -> Version:
    properties: dict[str, object] = {
        "createdate": iso_text(int(str(facts["createdate"])), person.index % 1000),
        "email": person.contact_email(at).strip().lower(),
        "firstname": person.given_name,
        "lastname": person.family_name,
        "phone": facts.get("phone", person.phone),
        "lifecyclestage": facts["lifecyclestage"],
        "hs_email_optout": facts.get("hs_email_optout"),
        "hs_additional_emails": ";".join(person.emails[1:]) or None
        if not person.is_cast and not person.is_doubled
        else facts.get("additional"),
        "hs_merged_object_ids": facts.get("merged") or None,
        "hs_object_id": identifier,
        "hs_analytics_source": ("ORGANIC_SEARCH", "EMAIL_MARKETING", "REFERRALS")[person.index % 3],
        "country": person.country,
        "industry": "RETAIL" if person.index % 25 == 0 else None,
        "lastmodifieddate": iso_text(at, person.index % 1000),
    }
    if person.role.startswith("mailbox"):
        properties["hs_additional_emails"] = "info@example.net"
    return Version(identifier, at, properties, person.index)


def _merged(person: Person, calendar: Calendar) -> list[Version]:
    """Two more contacts of one person, merged one after the other into the first."""
    before, earlier = contact_id(person.index, 1), contact_id(person.index, 2)
    facts: dict[str, object] = {"createdate": calendar.start + HOUR, "lifecyclestage": "customer"}
    versions = []
    for identifier, email, at in (
        (before, person.emails[1], calendar.at(REPLAYED_DAY, 9)),
        (earlier, person.emails[2], calendar.at(REPLAYED_DAY, 9, 30)),
    ):
        version = _version(person, identifier, at, facts)
        version.properties["email"] = email
        versions.append(version)
    first, second = calendar.at(FIRST_MERGE_DAY, 11), calendar.at(SECOND_MERGE_DAY, 11)
    survivor = _version(person, person.contact_id, first, facts)
    survivor.properties["hs_merged_object_ids"] = int(before)
    survivor.properties["hs_additional_emails"] = person.emails[1]
    final = _version(person, person.contact_id, second, facts)
    final.properties["hs_merged_object_ids"] = f"{before};{earlier}"
    final.properties["hs_additional_emails"] = person.emails[1]
    return [
        *versions,
        survivor,
        Version(before, first, {}, person.index, True),
        final,
        Version(earlier, second, {}, person.index, True),
    ]


def _contacts(book: Book, versions: list[Version], calendar: Calendar) -> None:
    current: dict[str, Version] = {}
    by_day: dict[date, list[Version]] = {}
    for version in versions:
        by_day.setdefault(oslo_day(version.at), []).append(version)
    texts: dict[int, str] = {}

    def write(path: str, chosen: Iterable[Version], day: date, late: int, after: str = "") -> None:
        records = []
        for version in chosen:
            text = texts.get(id(version))
            if text is None:
                text = texts[id(version)] = _record(version)
            records.append(text)
        paging = f',\n"paging":{{"next":{{"after":"{after}"}}}}' if after else ""
        content = ('{"results":[\n' + ",\n".join(records) + f"\n]{paging}}}\n").encode()
        book.write(path, content, "contacts", day, day + timedelta(days=late), len(records))

    first_full = True
    for index in range(calendar.days):
        day = calendar.day(index)
        changed: dict[str, Version] = {}
        for version in by_day.get(day, ()):
            if version.is_gone or version.is_archived:
                current.pop(version.contact_id, None)
                changed.pop(version.contact_id, None)
            else:
                current[version.contact_id] = version
            if not version.is_gone:
                changed[version.contact_id] = version
        if changed:
            late = REPLAYED_LATE_BY_DAYS if index == REPLAYED_DAY else 1
            write(f"hubspot/contacts_changes_{day.isoformat()}.json", changed.values(), day, late)
        if day.isoweekday() == 7:
            records = [current[key] for key in sorted(current)]
            name = f"hubspot/contacts_full_{day.isoformat()}"
            if first_full and len(records) > 1:
                half = len(records) // 2
                after = records[half - 1].contact_id
                write(f"{name}_page1.json", records[:half], day, 1, after)
                write(f"{name}_page2.json", records[half:], day, 1)
                book.show("contact_pages", files=[f"{name}_page1.json", f"{name}_page2.json"])
            elif records:
                write(f"{name}.json", records, day, 1)
            first_full = False
        if index == CSV_DAY:
            _contacts_csv(book, list(current.values()), day)


def _record(version: Version) -> str:
    body: dict[str, object] = {
        "id": version.contact_id,
        "properties": version.properties,
        "createdAt": version.properties["createdate"],
        "updatedAt": version.properties["lastmodifieddate"],
        "archived": version.is_archived,
    }
    if version.is_archived:
        body["archivedAt"] = version.properties["lastmodifieddate"]
    return orjson.dumps(body).decode()


def _contacts_csv(book: Book, versions: list[Version], day: date) -> None:
    rows = []
    for version in versions:
        properties = version.properties
        created = str(properties["createdate"])
        rows.append(
            [
                version.contact_id,
                properties["firstname"],
                properties["lastname"],
                properties["email"],
                properties["phone"],
                properties["lifecyclestage"],
                _portal_text(created),
                _portal_text(str(properties["lastmodifieddate"])),
                properties["hs_email_optout"] or "",
                properties["country"],
                properties["industry"] or "",
                properties["hs_analytics_source"],
                properties["hs_merged_object_ids"] or "",
                properties["hs_additional_emails"] or "",
            ]
        )
    path = f"hubspot/contacts_export_{day.isoformat()}.csv"
    content = csv_bytes(_CSV_HEADER, rows)
    book.write(path, content, "contacts", day, day + timedelta(days=1), len(rows))
    book.show(
        "portal_zone",
        file=path,
        contact=versions[0].contact_id,
        created_at_utc=versions[0].properties["createdate"],
        create_date_in_file=rows[0][6],
    )


def _portal_text(utc: str) -> str:
    moment = int(datetime.fromisoformat(utc).timestamp())
    return wall_text(moment, "%Y-%m-%d %H:%M")


def _deals(book: Book, people: list[Person], calendar: Calendar, seed: int) -> None:
    chances = stream(seed, "deals").random((len(people), 5)).tolist()
    events: list[tuple[int, dict[str, object]]] = []
    number = 0
    for person, u in zip(people, chances, strict=True):
        is_asked = person.role == "midnight" or (not person.is_cast and u[0] < 0.05)
        if not is_asked or not person.contact_id:
            continue
        number += 1
        opened = max(calendar.start, person.acquired_at) + int(u[1] * 5 * DAY)
        closed = opened + int((2 + u[2] * 30) * DAY)
        is_won = u[3] < 0.4
        if person.role == "midnight":
            # Closed half an hour after midnight in Oslo: the day before, in UTC.
            opened, closed, is_won = calendar.at(4, 10), calendar.at(18, 0, 30), True
        deal: dict[str, object] = {
            "id": str(20_400_000_000 + number * 17),
            "contact": person.contact_id,
            "amount": f"{(5 + int(u[4] * 90)) * 1000}.00",
            "opened": opened,
            "closed": closed,
        }
        book.identify("hubspot", "customer", person.contact_id, person.index)
        if opened < calendar.end:
            events.append((opened, {**deal, "stage": "appointmentscheduled"}))
        if closed < calendar.end:
            events.append((closed, {**deal, "stage": "closedwon" if is_won else "closedlost"}))
    events.sort(key=lambda item: (item[0], str(item[1]["id"])))
    for begin, end in calendar.weeks():
        since, until = calendar.at(begin), calendar.at(end + 1)
        chosen = [(at, deal) for at, deal in events if since <= at < until]
        if chosen:
            day = calendar.day(end)
            records = ",\n".join(_deal(at, deal) for at, deal in chosen)
            content = ('{"results":[\n' + records + "\n]}\n").encode()
            path = f"hubspot/deals_{day.isoformat()}.json"
            book.write(path, content, "deals", day, day + timedelta(days=1), len(chosen))
    _deals_csv(book, [item for item in events if item[0] < calendar.at(CSV_DAY)], calendar)


def _deal(at: int, deal: dict[str, object]) -> str:
    stage = str(deal["stage"])
    properties = {
        "dealname": f"Deal {deal['id']}",
        "dealstage": stage,
        "pipeline": "default",
        "amount": deal["amount"],
        "deal_currency_code": "NOK",
        "hs_is_closed": "true" if stage.startswith("closed") else "false",
        "hs_is_closed_won": "true" if stage == "closedwon" else "false",
        "createdate": iso_text(int(str(deal["opened"]))),
        "closedate": iso_text(int(str(deal["closed"]))),
        "hs_lastmodifieddate": iso_text(at),
        "hs_object_id": deal["id"],
    }
    body = {
        "id": deal["id"],
        "properties": properties,
        "associations": {
            "contacts": {"results": [{"id": deal["contact"], "type": "deal_to_contact"}]}
        },
        "createdAt": properties["createdate"],
        "updatedAt": properties["hs_lastmodifieddate"],
        "archived": False,
    }
    return orjson.dumps(body).decode()


def _deals_csv(book: Book, events: list[tuple[int, dict[str, object]]], calendar: Calendar) -> None:
    latest = {str(deal["id"]): (at, deal) for at, deal in events}
    rows = []
    for identifier, (at, deal) in latest.items():
        stage = str(deal["stage"])
        rows.append(
            [
                identifier,
                f"Deal {identifier}",
                stage,
                "default",
                deal["amount"],
                "NOK",
                "true" if stage.startswith("closed") else "false",
                "true" if stage == "closedwon" else "false",
                wall_text(int(str(deal["opened"])), "%Y-%m-%d %H:%M"),
                wall_text(int(str(deal["closed"])), "%Y-%m-%d %H:%M"),
                wall_text(at, "%Y-%m-%d %H:%M"),
                deal["contact"],
            ]
        )
        if stage.startswith("closed") and "00:30" in str(rows[-1][9]):
            book.show(
                "close_date",
                deal=identifier,
                closed_at_utc=iso_text(int(str(deal["closed"]))),
                close_date_in_csv=rows[-1][9],
            )
    day = calendar.day(CSV_DAY - 1)
    path = f"hubspot/deals_export_{day.isoformat()}.csv"
    book.write(
        path, csv_bytes(_DEAL_HEADER, rows), "deals", day, day + timedelta(days=1), len(rows)
    )


def _show(book: Book, cast: dict[str, Person], calendar: Calendar) -> None:
    merged = cast["merged"]
    book.show(
        "merged_contact",
        person=merged.person_id,
        survivor=merged.contact_id,
        merged=[contact_id(merged.index, 1), contact_id(merged.index, 2)],
        emails=list(merged.emails),
        replayed_in=f"hubspot/contacts_changes_{calendar.day(REPLAYED_DAY).isoformat()}.json",
        replayed_on=calendar.day(REPLAYED_DAY + REPLAYED_LATE_BY_DAYS).isoformat(),
    )
    for role in ("couple_one", "couple_two"):
        book.show("shared_email", contact=cast[role].contact_id, email=cast[role].emails[0])
    for role in ("mailbox_a", "mailbox_b", "mailbox_c"):
        book.show("role_mailbox", contact=cast[role].contact_id, own_email=cast[role].emails[0])
    for role in ("job_changer", "successor"):
        book.show(
            "inherited_address",
            person=cast[role].person_id,
            contact=cast[role].contact_id,
            email=WORK_ADDRESS,
            own_email=cast[role].emails[0],
            changed_at=iso_text(cast[role].changed_at),
        )
    for role in ("undone_a", "undone_b"):
        book.show(
            "merge_undone",
            contact=cast[role].contact_id,
            email=cast[role].emails[0],
            merged_at=iso_text(cast["undone_a"].changed_at),
        )
    nasty = cast["nasty_name"]
    book.show("nasty_name", contact=nasty.contact_id, first_name=nasty.given_name)
    book.show(
        "consent_order",
        email=cast["opted_out"].emails[0],
        contact=cast["opted_out"].contact_id,
        final_state="denied",
    )
