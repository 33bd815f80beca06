"""What happens beside orders, mail and web: support, surveys, loyalty, recommendations, visits,
calls, consent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulation.catalogue import PRODUCTS, STORES
from simulation.draws import stream, token
from simulation.local_time import DAY, HOUR, MINUTE, Calendar
from simulation.mailings import Mail
from simulation.people import Person, by_role
from simulation.purchases import Order

# A token in hexadecimal digits whose only letter is an e: an id, and no number.
HEXADECIMAL_CART = "4815162342e10842"
HTML_COMMENT = "<img src=x onerror=alert(1)> {{ env_var('HOME') }} '); drop table customers; --"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A support case; ``verdict`` is good, bad or empty."""

    number: str
    person: int
    kind: str
    channel: str
    opened_at: int
    answered_at: int
    solved_at: int
    verdict: str
    subject: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A survey answer; ``edited_at`` 0 where it stayed as given."""

    number: str
    person: int
    survey_type: str
    score: int
    at: int
    comment: str
    edited_score: int = 0
    edited_at: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """A product review."""

    number: str
    person: int
    sku: str
    order: str
    rating: int
    at: int
    body: str


@dataclass(frozen=True, slots=True)
class Referral:
    """A recommendation; ``converted_at`` 0 while the other person has not bought."""

    number: str
    person: int
    referred: int
    at: int
    converted_at: int
    order: str


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the loyalty ledger."""

    card: str
    person: int
    kind: str
    points: int
    tier: str
    at: int
    order: str = ""


@dataclass(frozen=True, slots=True)
class Touch:
    """Any other touch point."""

    number: str
    person: int
    channel: str
    kind: str
    direction: str
    outcome: str
    at: int
    place: str = ""
    seconds: int = 0
    sku: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Interview:
    """What somebody said at the shop's door of the ``visit`` just made."""

    answer: Answer
    visit: str


@dataclass(frozen=True, slots=True)
class Consent:
    """A decision about marketing; ``is_late`` rows arrive a week after they were made."""

    person: int
    channel: str
    state: str
    at: int
    method: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Cart:
    """A checkout; ``order`` empty where it was left behind."""

    number: str
    person: int
    at: int
    completed_at: int
    order: str
    amount: int
    currency: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Service:
    """All of the above, oldest first."""

    tickets: list[Ticket]
    answers: list[Answer]
    reviews: list[Review]
    referrals: list[Referral]
    movements: list[Movement]
    touches: list[Touch]
    consents: list[Consent]
    carts: list[Cart]
    invitations: list[Touch]
    interviews: list[Interview]


def draw_service(
    people: list[Person], orders: list[Order], mail: Mail, calendar: Calendar, seed: int
) -> Service:
    """Everything else that the company's systems record in the exported days."""
    recent = [
        order
        for order in orders
        if calendar.contains(order.placed_at) and order.document_type == "sale"
    ]
    cast = by_role(people)
    tickets = _tickets(recent, people, cast, calendar, seed)
    answers = _answers(recent, tickets, people, cast, calendar, seed)
    touches = _touches(people, cast, calendar, seed)
    return Service(
        tickets=tickets,
        answers=answers,
        reviews=_reviews(recent, people, cast, calendar, seed),
        referrals=_referrals(recent, people, calendar, seed),
        movements=_movements(recent, people, cast, calendar, seed),
        touches=touches,
        consents=_consents(people, cast, mail, calendar),
        carts=_carts(recent, people, calendar, seed),
        invitations=_invitations(recent, answers, people, calendar, seed),
        interviews=_interviews(touches, people, calendar, seed),
    )


def _tickets(
    orders: list[Order],
    people: list[Person],
    cast: dict[str, Person],
    calendar: Calendar,
    seed: int,
) -> list[Ticket]:
    chances = stream(seed, "tickets").random((len(orders), 6)).tolist()
    tickets = []
    for order, u in zip(orders, chances, strict=True):
        person = people[order.person]
        if person.is_cast or not (order.is_complaint or u[0] < 0.06):
            continue
        kind = "complaint" if order.is_complaint else ("question" if u[1] < 0.7 else "return")
        # Whole minutes, because the desk's export has no seconds.
        opened = (order.placed_at + int((0.3 + u[2] * 3) * DAY)) // MINUTE * MINUTE
        if opened >= calendar.end:
            continue
        answered = opened + int(10 + u[3] * 600) * MINUTE
        solved = answered + int(30 + u[4] * 4000) * MINUTE
        bad = 0.75 if kind == "complaint" else 0.1
        verdict = "" if u[5] > 0.8 else ("bad" if u[5] < 0.8 * bad else "good")
        channel = ("email", "chat", "call")[int(u[1] * 3)]
        tickets.append(
            Ticket(
                "",
                person.index,
                kind,
                channel,
                opened,
                answered,
                solved,
                verdict,
                f"{kind} {order.number}",
            )
        )
    for role, day, subject in (
        ("html_comment", 10, HTML_COMMENT),
        ("unpaid", 11, "Betalingen; gikk ikke\ngjennom"),
        ("midnight", 23, "Pakken kom ikke;\nhvor er den?"),
    ):
        opened = calendar.at(day, 9, 15)
        solved = opened + 3 * HOUR
        tickets.append(
            Ticket(
                "",
                cast[role].index,
                "complaint",
                "email",
                opened,
                opened + HOUR,
                solved,
                "bad",
                subject,
            )
        )
    tickets.sort(key=lambda ticket: (ticket.opened_at, ticket.person))
    return [replace(ticket, number=f"{number:07d}") for number, ticket in enumerate(tickets, 41)]


def _answers(
    orders: list[Order],
    tickets: list[Ticket],
    people: list[Person],
    cast: dict[str, Person],
    calendar: Calendar,
    seed: int,
) -> list[Answer]:
    generator = stream(seed, "answers")
    answers = []
    for order, u in zip(orders, generator.random((len(orders), 5)).tolist(), strict=True):
        person = people[order.person]
        at = order.placed_at + int((2 + u[1] * 5) * DAY)
        if person.is_cast or u[0] > 0.18 + 0.05 * person.engagement or at >= calendar.end:
            continue
        high = min(10, int(6.5 + u[2] * 4 + 0.5 * person.engagement))
        score = int(u[2] * 5) if order.is_complaint else max(0, high)
        edited_at = at + int((1 + u[4] * 9) * DAY)
        is_edited = u[3] < 0.06 and edited_at < calendar.end
        answers.append(
            Answer(
                number="",
                person=person.index,
                survey_type="nps",
                score=score,
                at=at,
                comment="Takk!" if u[4] < 0.2 else "",
                edited_score=max(0, score - 3) if is_edited else 0,
                edited_at=edited_at if is_edited else 0,
            )
        )
    chances = generator.random((len(tickets), 2)).tolist()
    for ticket, v in zip(tickets, chances, strict=True):
        at = ticket.solved_at + HOUR
        if v[0] < 0.5 and at < calendar.end and not people[ticket.person].is_cast:
            score = 1 + int(v[1] * 2) if ticket.verdict == "bad" else 4 + int(v[1] * 2)
            answers.append(Answer("", ticket.person, "csat", score, at, ""))
    zero = Answer("", cast["html_comment"].index, "nps", 0, calendar.at(12, 9), HTML_COMMENT)
    answers.append(zero)
    edited = calendar.at(13, 9)
    answers.append(Answer("", cast["edited"].index, "nps", 9, edited, "", 2, edited + 9 * DAY))
    answers.append(Answer("", cast["parent"].index, "nps", 10, calendar.at(14, 9), ""))
    answers.sort(key=lambda answer: (answer.at, answer.person, answer.survey_type))
    return [
        replace(answer, number=str(210_554_000 + number)) for number, answer in enumerate(answers)
    ]


def _invitations(
    orders: list[Order],
    answers: list[Answer],
    people: list[Person],
    calendar: Calendar,
    seed: int,
) -> list[Touch]:
    """Questions sent: one before every answer of a registered customer, and many that nobody
    answered.
    """
    sent = [(answer.at - 2 * HOUR, answer.person) for answer in answers]
    chances = stream(seed, "invitations").random((len(orders), 2)).tolist()
    for order, u in zip(orders, chances, strict=True):
        if u[0] < 0.5:
            sent.append((order.placed_at + int((2 + u[1] * 5) * DAY), order.person))
    return [
        Touch(f"sv-{number:08d}", person, "survey", "survey_sent", "outbound", "", at)
        for number, (at, person) in enumerate(sorted(sent))
        if people[person].customer_number
        and not people[person].is_cast
        and calendar.start <= at < calendar.end
    ]


def _reviews(
    orders: list[Order],
    people: list[Person],
    cast: dict[str, Person],
    calendar: Calendar,
    seed: int,
) -> list[Review]:
    reviews = []
    chances = stream(seed, "reviews").random((len(orders), 3)).tolist()
    for order, u in zip(orders, chances, strict=True):
        person = people[order.person]
        at = order.placed_at + int((5 + u[1] * 10) * DAY)
        is_scripted = person.role == "edited"
        if is_scripted:
            at = calendar.at(18, 9)
        elif person.is_cast or order.is_test:
            continue
        if (is_scripted or u[0] < 0.08 + 0.03 * person.engagement) and at < calendar.end:
            rating = 1 + int(u[2] * 2) if order.is_complaint else 3 + int(u[2] * 3)
            body = (
                "Fin, men blå.\nKjøper gjerne igjen; nøye pakket." if is_scripted else "Helt grei."
            )
            number = f"R-{token('review', order.shop, order.number)}"
            reviews.append(
                Review(number, person.index, order.lines[0].sku, order.number, rating, at, body)
            )
    return sorted(reviews, key=lambda review: (review.at, review.number))


def _referrals(
    orders: list[Order], people: list[Person], calendar: Calendar, seed: int
) -> list[Referral]:
    first: dict[int, Order] = {}
    for order in orders:
        first.setdefault(order.person, order)
    ordinary = [person for person in people if not person.is_cast]
    chances = stream(seed, "referrals").random((len(ordinary), 3)).tolist()
    referrals = []
    for person, u in zip(ordinary, chances, strict=True):
        other = ordinary[int(u[1] * len(ordinary))]
        if u[0] > 0.08 + 0.04 * person.engagement or other is person:
            continue
        bought = first.get(other.index)
        at = max(calendar.start, other.acquired_at - int(u[2] * 4 * DAY) - HOUR)
        converted = bought.placed_at if bought and bought.placed_at > at else 0
        order_number = bought.number if bought and converted else ""
        referrals.append(Referral("", person.index, other.index, at, converted, order_number))
    referrals.sort(key=lambda referral: (referral.at, referral.person))
    return [
        replace(referral, number=f"V{number:05d}") for number, referral in enumerate(referrals, 1)
    ]


def _movements(
    orders: list[Order],
    people: list[Person],
    cast: dict[str, Person],
    calendar: Calendar,
    seed: int,
) -> list[Movement]:
    movements = [
        Movement(person.card, person.index, "join", 0, "basic", person.joined_at)
        for person in people
        if person.joined_at and calendar.contains(person.joined_at)
    ]
    chances = stream(seed, "loyalty").random((len(orders), 2)).tolist()
    earned: dict[int, int] = {}
    counts: dict[int, int] = {}
    for order, u in zip(orders, chances, strict=True):
        person = people[order.person]
        if not order.is_member or order.is_test or order.is_voided:
            continue
        # Without the card at the till nothing is earned.
        points = order.subtotal // 1000
        at = order.placed_at + 5
        movements.append(Movement(person.card, person.index, "earn", points, "", at, order.number))
        if order.goods_refund:
            back = -(order.goods_refund // 1000)
            at = order.refunded_at
            movements.append(
                Movement(person.card, person.index, "reversal", back, "", at, order.number)
            )
            continue
        earned[person.index] = earned.get(person.index, 0) + points
        counts[person.index] = counts.get(person.index, 0) + 1
        if counts[person.index] == 5:
            movements.append(
                Movement(person.card, person.index, "tier_change", 0, "silver", at + 1)
            )
        if u[0] < 0.25 and earned[person.index] > 50 and at + DAY < calendar.end:
            spent = earned[person.index] // 2
            earned[person.index] -= spent
            movements.append(Movement(person.card, person.index, "redeem", -spent, "", at + DAY))
    member = cast["till_member"]
    # Two bottles handed in within one second: two movements that look the same, on a day that two
    # weekly files hold.
    handed_in = calendar.at(calendar.week_end(13), 16)
    twin = Movement(member.card, member.index, "earn", 5, "", handed_in)
    redeemed = Movement(member.card, member.index, "redeem", -50, "", calendar.at(21, 12))
    movements.extend((twin, twin, redeemed))
    return sorted(movements, key=lambda move: (move.at, move.card, move.kind, move.points))


def _touches(
    people: list[Person], cast: dict[str, Person], calendar: Calendar, seed: int
) -> list[Touch]:
    generator = stream(seed, "touches")
    touches: list[Touch] = []
    kinds = (
        ("social", "comment", "peer"),
        ("social", "share", "peer"),
        ("social", "direct_message", "inbound"),
        ("call", "call", "inbound"),
        ("push", "push_received", "outbound"),
        ("push", "push_open", "inbound"),
        ("video", "video_watched", "inbound"),
        ("out_of_home", "qr_scan", "inbound"),
    )
    for person in people:
        if person.is_cast:
            continue
        span = max(0, calendar.end - person.acquired_at)
        if person.segment in ("omni", "store"):
            for u in generator.random((int(generator.poisson(span / DAY * 0.02)), 3)).tolist():
                at = person.acquired_at + int(u[0] * span)
                place = STORES[int(u[1] * len(STORES))]
                seconds = 60 + int(u[2] * 2000)
                touches.append(
                    Touch(
                        "", person.index, "store", "store_visit", "inbound", "", at, place, seconds
                    )
                )
        rate = span / DAY * 0.012 * float(2.0**person.engagement)
        for u in generator.random((int(generator.poisson(rate)), 4)).tolist():
            channel, kind, direction = kinds[int(u[1] * len(kinds))]
            if channel == "push" and not person.customer_number:
                continue
            at = person.acquired_at + int(u[0] * span)
            outcome = ("good", "neutral", "bad")[int(u[2] * 3)] if channel == "call" else ""
            sku = PRODUCTS[int(u[3] * len(PRODUCTS))].sku if channel in ("social", "video") else ""
            seconds = int(u[3] * 900) if channel in ("call", "video") else 0
            touches.append(
                Touch("", person.index, channel, kind, direction, outcome, at, "", seconds, sku)
            )
    for role, channel, kind, direction, day in (
        ("till_member", "store", "store_visit", "inbound", 11),
        ("nasty_name", "social", "comment", "peer", 12),
        ("parent", "call", "call", "inbound", 13),
        ("zeros", "push", "push_received", "outbound", 14),
        ("no_zeros", "push", "push_open", "inbound", 14),
    ):
        place = STORES[0] if channel == "store" else ""
        outcome = "good" if channel == "call" else ""
        at, index = calendar.at(day, 12), cast[role].index
        touches.append(Touch("", index, channel, kind, direction, outcome, at, place, 300))
    touches.extend(_rare_touches(people, calendar, seed))
    touches.sort(key=lambda touch: (touch.at, touch.person, touch.kind))
    return [
        replace(touch, number=f"{touch.channel[:2]}-{number:08d}")
        for number, touch in enumerate(touches)
    ]


def _interviews(
    touches: list[Touch], people: list[Person], calendar: Calendar, seed: int
) -> list[Interview]:
    visits = [touch for touch in touches if touch.channel == "store"]
    interviews: list[Interview] = []
    chances = stream(seed, "interviews").random((len(visits), 2)).tolist()
    for visit, u in zip(visits, chances, strict=True):
        person, at = people[visit.person], visit.at + HOUR
        if u[0] < 0.3 and person.customer_number and not person.is_cast and at < calendar.end:
            number = f"iv-{len(interviews):06d}"
            answer = Answer(number, visit.person, "csat", 2 + int(u[1] * 4), at, "")
            interviews.append(Interview(answer, visit.number))
    return interviews


def _rare_touches(people: list[Person], calendar: Calendar, seed: int) -> list[Touch]:
    """Channels that few use. Nobody in the company owns the bot's handover to a human."""
    kinds = (
        ("social", "contest_entered", "inbound"),
        ("in_app", "in_app_view", "inbound"),
        ("bot", "bot_handover", "inbound"),
        ("self_service", "self_service_login", "inbound"),
        ("television", "television_spot", "outbound"),
    )
    touches = []
    for person, u in zip(
        people, stream(seed, "rare touches").random((len(people), 3)).tolist(), strict=True
    ):
        if person.is_cast or u[0] > 0.25:
            continue
        channel, kind, direction = kinds[int(u[1] * len(kinds))]
        at = person.acquired_at + int(u[2] * max(0, calendar.end - person.acquired_at))
        touches.append(Touch("", person.index, channel, kind, direction, "", at))
    return touches


def _consents(
    people: list[Person], cast: dict[str, Person], mail: Mail, calendar: Calendar
) -> list[Consent]:
    consents = []
    for person in people:
        if person.is_subscribed and not person.is_cast:
            at = max(calendar.start, person.acquired_at - HOUR)
            consents.append(Consent(person.index, "email", "granted", at, "double opt-in"))
    for index, at in mail.unsubscribed.items():
        consents.append(Consent(index, "email", "denied", at, "link in mail"))
    opted_out = cast["opted_out"].index
    for day, state in ((6, "denied"), (9, "granted"), (21, "denied")):
        consents.append(Consent(opted_out, "email", state, calendar.at(day, 8), "form", day == 9))
    return sorted(consents, key=lambda consent: (consent.at, consent.person))


def _carts(orders: list[Order], people: list[Person], calendar: Calendar, seed: int) -> list[Cart]:
    carts = []
    chances = stream(seed, "carts").random((len(orders), 3)).tolist()
    for order, u in zip(orders, chances, strict=True):
        if order.shop != "shopify" or not order.email:
            continue
        at = order.placed_at - 2 * MINUTE
        pieces = sum(line.quantity for line in order.lines)
        carts.append(
            Cart(
                HEXADECIMAL_CART if order.mark == "edited" else token("cart", order.number),
                order.person,
                at,
                order.placed_at,
                order.number,
                order.gross,
                order.currency,
                pieces,
            )
        )
        left = at - int((1 + u[1] * 6) * DAY)
        if u[0] < 0.35 and left >= calendar.start:
            amount = (100 + int(u[2] * 900)) * 100
            carts.append(
                Cart(token("left", order.number), order.person, left, 0, "", amount, "NOK", 2)
            )
    return sorted(carts, key=lambda cart: (cart.at, cart.number))
