"""The back office: everything without a supported vendor, in the forms that spreadsheets and small
systems give.

Column names, languages, dialects and clocks differ on purpose; ``configuration.py`` holds the
mapping that undoes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

import orjson

from simulation.catalogue import PRODUCTS
from simulation.deliveries import Book, Quarantined, comma_text, csv_bytes
from simulation.draws import stream
from simulation.local_time import (
    JAKARTA,
    Calendar,
    iso_text,
    oslo_day,
    shopify_text,
    wall_text,
)
from simulation.mailings import Mail
from simulation.people import Person, names_one_person
from simulation.purchases import Order, weekend_before
from simulation.service import (
    HEXADECIMAL_CART,
    Cart,
    Consent,
    Interview,
    Movement,
    Referral,
    Review,
    Service,
    Ticket,
    Touch,
)

SOURCE = "back_office"
_NORWEGIAN = "%d.%m.%Y %H:%M"
_SECONDS = "%d.%m.%Y %H:%M:%S"
MALFORMED_WEEK = 2
# A point is worth ten øre.
POINT_VALUE = 10
MALFORMED_TILL_DAY = 14
WINDOWS_DAY = 23
Rates = dict[str, list[tuple[date, int]]]

T = TypeVar("T")


def export_back_office(
    book: Book,
    people: list[Person],
    orders: list[Order],
    mail: Mail,
    service: Service,
    calendar: Calendar,
    seed: int,
) -> Rates:
    """Write all files of the instance ``back_office``; the exchange rates are handed back for the
    truth.
    """
    _members(book, people, calendar)
    _till(book, [order for order in orders if order.shop == "till"], calendar)
    _indonesian(book, [order for order in orders if order.shop == "indonesia"], calendar)
    _tickets(book, service.tickets, people, calendar)
    _ledger(book, service.movements, people, calendar)
    _referrals(book, service.referrals, people, calendar)
    _reviews(book, service.reviews, people, calendar)
    _store_visits(book, service.touches, people, calendar)
    _social(book, service.touches, people, calendar)
    _calls(book, service.touches, people, calendar)
    _push(book, service.touches, people, calendar)
    _invitations(book, service.invitations, people, calendar)
    _interviews(book, service.interviews, people, calendar)
    _consents(book, service.consents, people, calendar)
    _checkouts(book, service.carts, people, calendar)
    _products(book, calendar)
    _campaigns(book, mail, calendar)
    _control_group(book, mail, people, calendar)
    return _exchange_rates(book, calendar, seed)


def _weeks(
    records: Sequence[T], when: Callable[[T], int], calendar: Calendar, overlap_days: int = 0
) -> Iterator[tuple[int, date, list[T]]]:
    """(number, last day, records) of each week; ``overlap_days`` repeats the end of the week
    before.
    """
    by_day: dict[date, list[T]] = {}
    for record in records:
        by_day.setdefault(oslo_day(when(record)), []).append(record)
    for number, (begin, last) in enumerate(calendar.weeks()):
        days = [calendar.day(day) for day in range(max(0, begin - overlap_days), last + 1)]
        yield number, calendar.day(last), [row for day in days for row in by_day.get(day, ())]


def _csv(
    book: Book,
    name: str,
    header: Sequence[str],
    rows: list[Sequence[object]],
    day: date,
    kind: str,
    delimiter: str = ";",
    encoding: str = "utf-8",
    late_days: int = 1,
    is_windows: bool = False,
) -> str:
    path = f"{SOURCE}/{name}_{day.isoformat()}.csv"
    newline = "\r\n" if is_windows else "\n"
    content = csv_bytes(header, rows, delimiter, encoding, newline, is_windows)
    book.write(path, content, kind, day, day + timedelta(days=late_days), len(rows))
    return path


def _reject(
    book: Book,
    kind: str,
    path: str,
    row: int,
    reason: str,
    identifier: str,
    money: str = "",
    amount: int = 0,
) -> None:
    book.reject(Quarantined(SOURCE, kind, path, row, reason, identifier, money, amount))
    book.show(
        "malformed_back_office",
        file=path,
        row=row,
        reason=reason,
        identifier=identifier,
        currency=money,
        amount=f"{amount // 100}.{amount % 100:02d}",
    )


def _email(person: Person) -> str:
    return person.emails[0].strip()


def _members(book: Book, people: list[Person], calendar: Calendar) -> None:
    header = (
        "Kundenr",
        "E-post",
        "Mobil",
        "Fornavn",
        "Etternavn",
        "Kortnr",
        "Registrert",
        "Endret",
        "Land",
    )
    known = [person for person in people if person.customer_number]

    def registered(person: Person) -> int:
        return max(calendar.start, person.acquired_at) // 60 * 60

    for _, day, chosen in _weeks(known, registered, calendar):
        rows: list[Sequence[object]] = []
        for person in chosen:
            at = registered(person)
            has_card = person.joined_at != 0 and oslo_day(person.joined_at) <= day
            rows.append(_member(person, at, at, has_card))
        for person in known:
            # Whoever joins the programme later comes again with a card.
            week = (day - oslo_day(person.joined_at)).days if person.joined_at else -1
            if 0 <= week < 7 and oslo_day(registered(person)) <= day - timedelta(days=7):
                at = registered(person)
                rows.append(_member(person, at, max(at + 60, person.joined_at // 60 * 60), True))
        if rows:
            _csv(book, "kunderegister", header, rows, day, "contacts")
        for person in chosen:
            book.identify(SOURCE, "customer", person.customer_number, person.index)
            book.identify(SOURCE, "email", _email(person), person.index)
            book.identify(SOURCE, "phone", person.phone, person.index)
            book.identify(SOURCE, "loyalty", person.card, person.index, person.joined_at)
            number = ("customer", person.customer_number)
            book.link(person.index, number, ("email", _email(person)), ("loyalty", person.card))
            if person.role in ("zeros", "no_zeros"):
                book.show(
                    "leading_zeros",
                    customer_number=person.customer_number,
                    person=person.person_id,
                    email=_email(person),
                )


def _member(person: Person, registered: int, changed: int, has_card: bool) -> Sequence[object]:
    return (
        person.customer_number,
        _email(person),
        person.phone,
        person.given_name,
        person.family_name,
        person.card if has_card else "",
        wall_text(registered, _NORWEGIAN),
        wall_text(changed, _NORWEGIAN),
        person.country,
    )


def _till(book: Book, orders: list[Order], calendar: Calendar) -> None:
    """Receipts of a day, with those of earlier days that were refunded that day."""
    header = ("Bon", "Tidspunkt", "Butikk", "Kort", "Medlem", "Brutto", "Rabatt", "Refusjon", "Mva")
    by_day: dict[date, list[Order]] = {}
    for order in orders:
        as_sold = replace(order, goods_refund=0)
        by_day.setdefault(oslo_day(order.placed_at), []).append(as_sold)
        if order.refunded_at:
            by_day.setdefault(oslo_day(order.refunded_at), []).append(order)
        if order.is_counted:
            book.count(order.person, "orders", 1, int(order.names_buyer))
    for index in range(calendar.days):
        day = calendar.day(index)
        rows: list[Sequence[object]] = [_receipt(order) for order in by_day.get(day, ())]
        path = f"{SOURCE}/kvitteringer_{day.isoformat()}.csv"
        if index == MALFORMED_TILL_DAY:
            number, at = "B9999999", wall_text(calendar.at(index, 10), _SECONDS)
            rows.append((number, at, "OSL-01", "", "Nei", "12,34,56", "0,00", "0,00", "0,00"))
            _reject(book, "orders", path, len(rows), "not_a_number", number, "NOK")
        if rows:
            _csv(book, "kvitteringer", header, rows, day, "orders")
    for order in orders:
        if order.mark in ("till_member", "till_before_joining"):
            book.show(
                "membership_at_order",
                order=order.number,
                card=order.card,
                is_member=order.is_member,
                ordered_at=order.placed_at,
            )
        if order.mark == "till_member":
            book.show(
                "decimal_comma",
                order=order.number,
                file=f"{SOURCE}/kvitteringer_{oslo_day(order.placed_at).isoformat()}.csv",
                text=comma_text(order.gross),
                gross=f"{order.gross // 100}.{order.gross % 100:02d}",
            )


def _receipt(order: Order) -> Sequence[object]:
    return (
        order.number,
        wall_text(order.placed_at, _SECONDS),
        order.location,
        order.card,
        "Ja" if order.is_member else "Nei",
        comma_text(order.gross),
        comma_text(order.discount),
        comma_text(order.goods_refund),
        comma_text(order.tax),
    )


def _indonesian(book: Book, orders: list[Order], calendar: Calendar) -> None:
    header = ("No Pesanan", "Waktu", "Surel", "Kode", "Barang", "Kategori", "Jumlah", "Harga")
    for order in orders:
        book.identify(SOURCE, "email", order.email, order.person)
        if order.is_counted:
            book.count(order.person, "orders")
    for number, day, chosen in _weeks(orders, lambda order: order.placed_at, calendar):
        rows: list[Sequence[object]] = []
        for order in chosen:
            for line in order.lines:
                rows.append(
                    (
                        order.number,
                        # Jakarta's wall clock, without saying so.
                        wall_text(order.placed_at, "%d/%m/%Y %H:%M:%S", JAKARTA),
                        order.email,
                        line.sku,
                        line.name,
                        line.category,
                        line.quantity,
                        f"{line.unit_price // 100:,}".replace(",", "."),
                    )
                )
        path = f"{SOURCE}/pesanan_{day.isoformat()}.csv"
        if number == MALFORMED_WEEK:
            bad = (
                "9001",
                "99/99/2026 10:00:00",
                "broken.order@example.org",
                "00110",
                "Linen cloth",
                "Textiles",
            )
            rows.append((*bad, 1, "50.000"))
            _reject(
                book,
                "order_lines",
                path,
                len(rows),
                "unreadable_timestamp",
                "9001",
                "IDR",
                5_000_000,
            )
        if rows:
            _csv(book, "pesanan", header, rows, day, "order_lines")
    _show_indonesian(book, orders)


def _show_indonesian(book: Book, orders: list[Order]) -> None:
    for order in orders:
        if order.mark == "jakarta_night":
            book.show(
                "jakarta_time",
                order=order.number,
                wall_clock=wall_text(order.placed_at, "%d/%m/%Y %H:%M:%S", JAKARTA),
                ordered_at=order.placed_at,
                ordered_at_utc=iso_text(order.placed_at),
                twin_lines=len(order.lines),
                gross=f"{order.gross // 100}.00",
            )
        if order.mark == "jakarta_noon" and order.document_type == "sale":
            book.show(
                "rupiah_thousands",
                order=order.number,
                text=f"{order.lines[0].unit_price // 100:,}".replace(",", "."),
                unit_price=f"{order.lines[0].unit_price // 100}.00",
                gross=f"{order.gross // 100}.00",
            )
            book.show("number_reused", order=order.number, shopify_order=f"#{order.number}")
        if order.document_type == "cancellation":
            book.show(
                "cancellation_document",
                order=order.number,
                original_order=order.number[1:],
                refund=f"{order.returned // 100}.00",
                is_counted=False,
            )


def _tickets(book: Book, tickets: list[Ticket], people: list[Person], calendar: Calendar) -> None:
    header = (
        "Saksnr", "Kundenr", "E-post", "Type", "Kanal", "Status", "Emne", "Åpnet", "Første svar",
        "Løst", "Endret", "Dom", "Lag",
    )  # fmt: skip
    kinds = {"complaint": "Klage", "question": "Spørsmål", "return": "Retur"}
    verdicts = {"good": "Bra", "bad": "Dårlig", "": ""}
    changes: list[tuple[int, Ticket]] = []
    for ticket in tickets:
        changes.append((ticket.opened_at, ticket))
        if ticket.solved_at < calendar.end:
            changes.append((ticket.solved_at, ticket))
        book.count(ticket.person, "tickets")
        if ticket.kind == "complaint":
            book.count(ticket.person, "complaints")
        book.identify(SOURCE, "email", _email(people[ticket.person]), ticket.person)
    changes.sort(key=lambda change: (change[0], change[1].number))
    windows_day = calendar.day(calendar.week_end(WINDOWS_DAY))
    for number, day, chosen in _weeks(changes, lambda change: change[0], calendar):
        rows: list[Sequence[object]] = []
        for at, ticket in chosen:
            person = people[ticket.person]
            is_solved = at == ticket.solved_at
            is_answered = is_solved or ticket.answered_at <= at
            rows.append(
                (
                    ticket.number,
                    person.customer_number,
                    _email(person),
                    kinds[ticket.kind],
                    ticket.channel,
                    "løst" if is_solved else "ny",
                    ticket.subject,
                    wall_text(ticket.opened_at, _NORWEGIAN),
                    wall_text(ticket.answered_at, _NORWEGIAN) if is_answered else "",
                    wall_text(ticket.solved_at, _NORWEGIAN) if is_solved else "",
                    wall_text(at, _NORWEGIAN),
                    verdicts[ticket.verdict] if is_solved else "",
                    "Kundeservice",
                )
            )
        path = f"{SOURCE}/saker_{day.isoformat()}.csv"
        if number == MALFORMED_WEEK:
            bad = ("9999999", "", "broken.ticket@example.org", "Klage", "email", "ny", "", "i går")
            rows.append((*bad, "", "", "i går", "", ""))
            _reject(book, "tickets", path, len(rows), "unreadable_timestamp", "9999999")
        if rows:
            _csv(book, "saker", header, rows, day, "tickets", is_windows=day == windows_day)
        if day == windows_day:
            book.show("windows_file", file=path, rows=len(rows))
    shown = next(ticket for ticket in tickets if people[ticket.person].role == "html_comment")
    book.show(
        "day_first_dates",
        ticket=shown.number,
        text=wall_text(shown.opened_at, _NORWEGIAN),
        created_at_utc=iso_text(shown.opened_at),
    )
    book.show("markup_in_text", ticket=shown.number, subject=shown.subject)
    book.show(
        "ticket_versions",
        ticket=shown.number,
        status="løst",
        satisfaction="bad",
        resolved_at_utc=iso_text(shown.solved_at),
    )


def _ledger(
    book: Book, movements: list[Movement], people: list[Person], calendar: Calendar
) -> None:
    header = ("Kort", "Kundenr", "Hendelse", "Poeng", "Nivå", "Tid", "Bilag", "Verdi")
    names = {
        "join": "Innmelding",
        "earn": "Opptjening",
        "redeem": "Uttak",
        "reversal": "Tilbakeføring",
        "tier_change": "Nivåbytte",
    }
    twin_files: list[str] = []
    for number, day, chosen in _weeks(movements, lambda move: move.at, calendar, overlap_days=1):
        rows: list[Sequence[object]] = []
        for move in chosen:
            rows.append(
                (
                    move.card,
                    people[move.person].customer_number,
                    names[move.kind],
                    move.points,
                    move.tier,
                    wall_text(move.at, _SECONDS),
                    move.order,
                    comma_text(-move.points * POINT_VALUE) if move.kind == "redeem" else "",
                )
            )
        path = f"{SOURCE}/poengbok_{day.isoformat()}.csv"
        if any(people[move.person].role == "till_member" and move.points == 5 for move in chosen):
            twin_files.append(path)
        if number == MALFORMED_WEEK:
            at = wall_text(calendar.at(calendar.weeks()[MALFORMED_WEEK][0], 9), _SECONDS)
            rows.append(("0047119999", "", "Gave", 10, "", at, "", ""))
            _reject(book, "loyalty_events", path, len(rows), "value_not_allowed", "Gave")
        if rows:
            _csv(book, "poengbok", header, rows, day, "loyalty_events")
    for move in movements:
        if move.kind == "redeem":
            book.count(move.person, "loyalty_redemptions")
    member = next(person for person in people if person.role == "till_member")
    book.show(
        "ledger_twins",
        card=member.card,
        files=twin_files,
        movements=2,
        points_total=sum(move.points for move in movements if move.person == member.index),
    )


def _referrals(
    book: Book, referrals: list[Referral], people: list[Person], calendar: Calendar
) -> None:
    header = (
        "ref_no",
        "advocate",
        "advocate_mail",
        "friend_mail",
        "state",
        "sent",
        "won",
        "first_order",
    )
    for end in range(29, calendar.days + 30, 30):
        index = min(end, calendar.days - 1)
        day, until = calendar.day(index), calendar.at(index + 1)
        rows: list[Sequence[object]] = []
        for referral in referrals:
            if referral.at >= until:
                continue
            is_won = referral.converted_at != 0 and referral.converted_at < until
            advocate, friend = people[referral.person], people[referral.referred]
            rows.append(
                (
                    referral.number,
                    advocate.customer_number,
                    _email(advocate),
                    _email(friend),
                    "won" if is_won else "open",
                    iso_text(referral.at),
                    iso_text(referral.converted_at) if is_won else "",
                    referral.order if is_won else "",
                )
            )
        if rows:
            _csv(book, "advocates", header, rows, day, "referrals", ",")
        if index == calendar.days - 1:
            break
    for referral in referrals:
        book.count(referral.person, "referrals")
        book.identify(SOURCE, "email", _email(people[referral.person]), referral.person)
        book.identify(SOURCE, "email", _email(people[referral.referred]), referral.referred)


def _reviews(book: Book, reviews: list[Review], people: list[Person], calendar: Calendar) -> None:
    header = ("Omtale", "E-post", "Vare", "Ordre", "Stjerner", "Tekst", "Når", "Synlig")
    for _, day, chosen in _weeks(reviews, lambda review: review.at, calendar):
        rows: list[Sequence[object]] = []
        for review in chosen:
            rows.append(
                (
                    review.number,
                    _email(people[review.person]),
                    review.sku,
                    review.order,
                    review.rating,
                    review.body,
                    wall_text(review.at, _SECONDS),
                    "Ja",
                )
            )
            email = _email(people[review.person])
            book.count(review.person, "reviews", 1, int(names_one_person(email)))
            book.identify(SOURCE, "email", email, review.person)
        if rows:
            path = _csv(book, "omtaler", header, rows, day, "reviews", encoding="cp1252")
            if any(people[review.person].role == "edited" for review in chosen):
                body = next(r.body for r in chosen if people[r.person].role == "edited")
                book.show("windows_encoding", file=path, text=body, characters=len(body))


def _of_channel(touches: Iterable[Touch], channel: str) -> list[Touch]:
    return [touch for touch in touches if touch.channel == channel]


def _store_visits(
    book: Book, touches: list[Touch], people: list[Person], calendar: Calendar
) -> None:
    header = ("Besøk", "Kundenr", "E-post", "Inn", "Butikk", "Sekunder")
    visits = _of_channel(touches, "store")
    for number, day, chosen in _weeks(visits, lambda touch: touch.at, calendar):
        rows: list[Sequence[object]] = []
        for visit in chosen:
            person = people[visit.person]
            email = "" if person.customer_number else _email(person)
            at = wall_text(visit.at, _SECONDS)
            rows.append(
                (visit.number, person.customer_number, email, at, visit.place, visit.seconds)
            )
            book.count(visit.person, "store_visits")
            book.identify(SOURCE, "email", email, visit.person)
        path = f"{SOURCE}/butikkbesok_{day.isoformat()}.csv"
        if number == MALFORMED_WEEK:
            rows.append(("st-99999999", "009001", "", "01.07.2062 12:00:00", "OSL-01", 60))
            _reject(book, "interactions", path, len(rows), "future_dated", "st-99999999")
        if rows:
            _csv(book, "butikkbesok", header, rows, day, "interactions")


def _ndjson(book: Book, name: str, records: list[dict[str, object]], day: date) -> None:
    content = b"".join(orjson.dumps(record) + b"\n" for record in records)
    path = f"{SOURCE}/{name}_{day.isoformat()}.ndjson"
    book.write(path, content, "interactions", day, day + timedelta(days=1), len(records))


def _social(book: Book, touches: list[Touch], people: list[Person], calendar: Calendar) -> None:
    own_files = ("store", "call", "push")
    elsewhere = [touch for touch in touches if touch.channel not in own_files]
    for _, day, chosen in _weeks(elsewhere, lambda touch: touch.at, calendar):
        records: list[dict[str, object]] = []
        for touch in chosen:
            person = people[touch.person]
            records.append(
                {
                    "post": {"id": touch.number, "about": [{"sku": touch.sku or None}]},
                    "where": touch.channel,
                    "seconds": touch.seconds or None,
                    "author": {"mail": _email(person), "name": person.given_name},
                    "what": touch.kind,
                    "towards": touch.direction,
                    "when": iso_text(touch.at),
                    "text": "Nydelig teppe! 🧶",
                }
            )
            is_social = touch.channel == "social"
            signal = "social_interactions" if is_social else touch.kind
            email = _email(person)
            book.count(touch.person, signal, 1, int(names_one_person(email)))
            book.identify(SOURCE, "email", email, touch.person)
        if records:
            _ndjson(book, "social", records, day)


def _calls(book: Book, touches: list[Touch], people: list[Person], calendar: Calendar) -> None:
    header = ("Anrop", "E-post", "Retning", "Start", "Varighet", "Utfall")
    outcomes = {"good": "fornøyd", "neutral": "ok", "bad": "misfornøyd"}
    calls = _of_channel(touches, "call")
    for number, day, chosen in _weeks(calls, lambda touch: touch.at, calendar):
        rows: list[Sequence[object]] = []
        for touch in chosen:
            email = _email(people[touch.person])
            # Minutes with a decimal comma would lose seconds: the exchange counts seconds.
            start = shopify_text(touch.at)
            rows.append((touch.number, email, "inn", start, touch.seconds, outcomes[touch.outcome]))
            book.count(touch.person, "calls", 1, int(names_one_person(email)))
            book.identify(SOURCE, "email", email, touch.person)
        path = f"{SOURCE}/anrop_{day.isoformat()}.csv"
        if number == MALFORMED_WEEK:
            # Whoever typed it forgot two fields.
            rows.append(("ca-99999999", "broken.call@example.org", "inn", "60"))
            _reject(book, "interactions", path, len(rows), "wrong_field_count", "ca-99999999")
        if rows:
            _csv(book, "anrop", header, rows, day, "interactions")


def _push(book: Book, touches: list[Touch], people: list[Person], calendar: Calendar) -> None:
    for _, day, chosen in _weeks(_of_channel(touches, "push"), lambda touch: touch.at, calendar):
        records: list[dict[str, object]] = []
        for touch in chosen:
            person = people[touch.person]
            records.append(
                {
                    "uuid": touch.number,
                    "to": {"shop_no": person.customer_number},
                    "ts": touch.at * 1000,
                    "type": "sent" if touch.kind == "push_received" else "opened",
                }
            )
            book.count(touch.person, touch.kind)
            if person.role in ("zeros", "no_zeros"):
                book.show("epoch_milliseconds", interaction=touch.number, ts=touch.at * 1000)
        if records:
            _ndjson(book, "push", records, day)


def _invitations(
    book: Book, invitations: list[Touch], people: list[Person], calendar: Calendar
) -> None:
    """Surveys sent out; whoever was asked and did not answer is only here."""
    header = ("Utsendelse", "Kundenr", "Sendt")
    for _, day, chosen in _weeks(invitations, lambda touch: touch.at, calendar):
        rows: list[Sequence[object]] = []
        for touch in chosen:
            number = people[touch.person].customer_number
            rows.append((touch.number, number, wall_text(touch.at, _SECONDS)))
            book.count(touch.person, touch.kind)
        if rows:
            _csv(book, "utsendelser", header, rows, day, "interactions")


def _interviews(
    book: Book, interviews: list[Interview], people: list[Person], calendar: Calendar
) -> None:
    header = ("Intervju", "Kundenr", "Tid", "Karakter", "Besøk")
    for _, day, chosen in _weeks(interviews, lambda interview: interview.answer.at, calendar):
        rows: list[Sequence[object]] = []
        for interview in chosen:
            answer = interview.answer
            number = people[answer.person].customer_number
            at = wall_text(answer.at, _SECONDS)
            rows.append((answer.number, number, at, answer.score, interview.visit))
            book.count(answer.person, "survey_answers")
        if rows:
            _csv(book, "intervjuer", header, rows, day, "survey_responses")


def _consents(
    book: Book, consents: list[Consent], people: list[Person], calendar: Calendar
) -> None:
    header = ("E-post", "Kanal", "Svar", "Når", "Måte")
    words = {"granted": "ja", "denied": "nei"}

    def rows(chosen: list[Consent]) -> list[Sequence[object]]:
        return [
            (
                _email(people[consent.person]),
                consent.channel,
                words[consent.state],
                wall_text(consent.at, _SECONDS),
                consent.method,
            )
            for consent in chosen
        ]

    for _, day, chosen in _weeks(consents, lambda consent: consent.at, calendar):
        in_time = [consent for consent in chosen if not consent.is_late]
        late = [consent for consent in chosen if consent.is_late]
        if in_time:
            _csv(book, "samtykker", header, rows(in_time), day, "consents")
        if late:
            # The answers on paper are typed in weeks later.
            path = _csv(book, "samtykker_papir", header, rows(late), day, "consents", late_days=21)
            book.show(
                "consent_order", file=path, email=_email(people[late[0].person]), state="granted"
            )
    for consent in consents:
        book.identify(SOURCE, "email", _email(people[consent.person]), consent.person)


def _checkouts(book: Book, carts: list[Cart], people: list[Person], calendar: Calendar) -> None:
    header = (
        "checkout_token", "shopper_no", "shopper_mail", "begun", "finished", "order_ref", "worth",
        "cur", "pieces",
    )  # fmt: skip
    for _, day, chosen in _weeks(carts, lambda cart: cart.at, calendar):
        rows: list[Sequence[object]] = []
        for cart in chosen:
            person = people[cart.person]
            email = person.emails[0].strip()
            rows.append(
                (
                    cart.number,
                    person.customer_number,
                    email,
                    iso_text(cart.at),
                    iso_text(cart.completed_at) if cart.completed_at else "",
                    cart.order,
                    f"{cart.amount // 100}.{cart.amount % 100:02d}",
                    cart.currency,
                    cart.pieces,
                )
            )
            book.identify(SOURCE, "email", email, cart.person)
        if rows:
            path = _csv(book, "checkouts", header, rows, day, "carts", ",")
            for cart in chosen:
                if cart.number == HEXADECIMAL_CART:
                    book.show("hexadecimal_id", cart=cart.number, order=cart.order, file=path)


def _products(book: Book, calendar: Calendar) -> None:
    header = ("Artikkel", "Navn", "Gruppe", "Pris", "Aktiv", "Oppdatert")
    rows: list[Sequence[object]] = [
        (
            product.sku,
            product.name,
            product.category,
            f"{product.price},00",
            "Ja",
            calendar.first_day,
        )
        for product in PRODUCTS
    ]
    _csv(book, "varer", header, rows, calendar.first_day, "products")


def _campaigns(book: Book, mail: Mail, calendar: Calendar) -> None:
    header = (
        "Kampanje",
        "Kanal",
        "Tittel",
        "Formål",
        "Fra",
        "Til",
        "Frist",
        "Kostnad",
        "Mottakere",
        "Tilpasset",
    )
    rows: list[Sequence[object]] = []
    sizes: dict[int, int] = {}
    for message in mail.messages:
        sizes[message.campaign] = sizes.get(message.campaign, 0) + 1
    for number, campaign in enumerate(mail.campaigns):
        if not campaign.is_newsletter:
            continue
        day = calendar.day(campaign.day)
        rows.append(
            (
                campaign.campaign_id,
                "email",
                campaign.name,
                ("sale", "education", "contest")[number % 3],
                f"{day:%d.%m.%Y}",
                f"{day + timedelta(days=7):%d.%m.%Y}",
                f"{day + timedelta(days=5):%d.%m.%Y}" if number % 3 == 1 else "",
                comma_text(150_000 + 12 * sizes.get(number, 0)),
                sizes.get(number, 0),
                # Adapted to the reader in name only: the truth is that it changes nothing.
                "Ja" if number % 2 else "Nei",
            )
        )
    _csv(book, "kampanjer", header, rows, calendar.last_day, "campaigns")


def _control_group(book: Book, mail: Mail, people: list[Person], calendar: Calendar) -> None:
    """Who was left out of a newsletter on purpose."""
    header = ("Kampanje", "E-post", "Trukket")
    by_day: dict[date, list[Sequence[object]]] = {}
    for held in mail.withheld:
        campaign = mail.campaigns[held.campaign]
        email = _email(people[held.person])
        row = (campaign.campaign_id, email, wall_text(held.at, _SECONDS))
        by_day.setdefault(oslo_day(held.at), []).append(row)
        book.identify(SOURCE, "email", email, held.person)
    for day, rows in sorted(by_day.items()):
        _csv(book, "kontrollgruppe", header, rows, day, "email_events")


def _exchange_rates(book: Book, calendar: Calendar, seed: int) -> Rates:
    """Kroner per unit in hundred-thousandths, on working days only; they start before the first
    order of all.
    """
    generator = stream(seed, "rates")
    rates: Rates = {"EUR": [], "SEK": [], "IDR": []}
    day = calendar.first_day - timedelta(days=10)
    by_month: dict[str, list[Sequence[object]]] = {}
    while day <= calendar.last_day:
        if day.isoweekday() < 6:
            u = generator.random(3)
            # Two decimals for the big currencies, five for the rupiah: an order's value in kroner
            # has no rest.
            values = {
                "EUR": (1140 + int(u[0] * 30)) * 1000,
                "SEK": (100 + int(u[1] * 5)) * 1000,
                "IDR": 62 + int(u[2] * 5),
            }
            for currency, value in values.items():
                rates[currency].append((day, value))
                text = f"{value // 100_000},{value % 100_000:05d}".rstrip("0")
                row = (f"{day:%d.%m.%Y}", currency, "NOK", text)
                by_month.setdefault(f"{day:%Y-%m}", []).append(row)
        day += timedelta(days=1)
    for rows in by_month.values():
        last = min(calendar.last_day, _day_of(str(rows[-1][0])))
        _csv(book, "valutakurser", ("Dato", "Fra", "Til", "Kurs"), rows, last, "exchange_rates")
    sunday = weekend_before(calendar.last_day - timedelta(days=14))
    friday = sunday - timedelta(days=2)
    rate = next(value for day, value in rates["IDR"] if day == friday)
    book.show(
        "weekend_rate",
        currency="IDR",
        day=sunday.isoformat(),
        rate_day=friday.isoformat(),
        rate=f"0.{rate:05d}",
    )
    return rates


def _day_of(text: str) -> date:
    day, month, year = text.split(".")
    return date(int(year), int(month), int(day))
