"""Web sessions as plain data: browsing, shopping, visits from e-mails, and two bots."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulation.draws import stream
from simulation.local_time import DAY, HOUR, MINUTE, Calendar
from simulation.mailings import Mail
from simulation.people import Person, by_role
from simulation.purchases import Lifetime, Order

VISITS_PER_DAY = 0.05
BOT = -1
# Nothing was exported for this day, and nothing will be.
MISSING_DAY = 14


@dataclass(frozen=True, slots=True)
class Session:
    """One visit. The user id is known from page ``login_at`` (-1: never) until ``logout_at``;
    ``seconds_per_page`` 0 lets the pages take a person's time.
    """

    person: int
    client: str
    started_at: int
    pages: int
    number: int = 1
    session_id: int = 0
    user_id: str = ""
    login_at: int = -1
    logout_at: int = 1_000
    click_token: str = ""
    campaign: str = ""
    order: int = -1
    seconds_per_page: int = 0
    browser: str = "Chrome"
    has_consent: bool = True
    has_search: bool = False
    mark: str = ""

    def names_user(self, page: int) -> bool:
        """Does an event on this page carry the user id?"""
        return self.has_consent and 0 <= self.login_at <= page < self.logout_at

    def second_of(self, page: int) -> int:
        """Seconds from the start to a page: 15 to 85 for each page before, in every run."""
        if self.seconds_per_page:
            return page * self.seconds_per_page
        return sum(15 + (self.started_at * 31 + step * 7919) % 71 for step in range(page))


def draw_visits(
    people: list[Person],
    orders: list[Order],
    lifetimes: list[Lifetime],
    mail: Mail,
    calendar: Calendar,
    seed: int,
) -> list[Session]:
    """All sessions, oldest first, numbered within each client."""
    sessions = [
        *_browsing(people, lifetimes, calendar, seed),
        *_shopping(people, orders, calendar, seed),
        *_from_mail(people, mail, calendar, seed),
        *_cast_sessions(people, calendar),
        *_bots(calendar),
    ]
    sessions = [
        session
        for session in sessions
        if calendar.contains(session.started_at)
        and (session.person == BOT or people[session.person].has_device(session.started_at))
    ]
    sessions.sort(key=lambda session: (session.started_at, session.client, session.pages))
    numbers: dict[str, int] = {}
    numbered = []
    for session in sessions:
        number = numbers.get(session.client, 0) + 1
        numbers[session.client] = number
        session_id = session.session_id or session.started_at
        numbered.append(replace(session, number=number, session_id=session_id))
    return numbered


def _browsing(
    people: list[Person], lifetimes: list[Lifetime], calendar: Calendar, seed: int
) -> list[Session]:
    generator = stream(seed, "visits")
    left = {life.person: life.dropped_out_at for life in lifetimes if life.dropped_out_at}
    sessions = []
    for person in people:
        if person.is_cast or person.segment in ("store", "indonesia"):
            continue
        rate = VISITS_PER_DAY * float(2.0 ** (0.9 * person.engagement))
        begin = max(calendar.start, person.acquired_at - 20 * DAY)
        middle = min(calendar.end, left.get(person.index, calendar.end))
        for since, until, share in ((begin, middle, 1.0), (middle, calendar.end, 0.2)):
            expected = rate * share * max(0, until - since) / DAY
            for u in generator.random((int(generator.poisson(expected)), 5)).tolist():
                logs_in = person.customer_number != "" and u[1] < 0.5
                sessions.append(
                    Session(
                        person=person.index,
                        client=person.clients[int(u[2] * len(person.clients))],
                        started_at=since + int(u[0] * (until - since)),
                        pages=1 + min(9, int(u[3] * u[3] * (5 + 3 * max(0, person.engagement)))),
                        user_id=person.customer_number if logs_in else "",
                        login_at=int(u[4] * 2) if logs_in else -1,
                        has_consent=person.has_web_consent,
                        has_search=u[4] > 0.85,
                    )
                )
    return sessions


def _shopping(
    people: list[Person], orders: list[Order], calendar: Calendar, seed: int
) -> list[Session]:
    chances = stream(seed, "shopping").random((len(orders), 3)).tolist()
    sessions = []
    for number, (order, u) in enumerate(zip(orders, chances, strict=True)):
        person = people[order.person]
        is_seen = order.shop == "shopify" and calendar.contains(order.placed_at)
        # The test order comes from the office, whose traffic is filtered out.
        if not is_seen or order.is_test or person.role in ("collision_a", "collision_b", "flipper"):
            continue
        logs_in = person.customer_number != "" and u[0] < 0.6
        sessions.append(
            Session(
                person=person.index,
                client=person.clients[
                    -1 if person.role == "child" else int(u[1] * len(person.clients))
                ],
                started_at=order.placed_at - 3 * MINUTE,
                pages=4,
                user_id=person.customer_number if logs_in else "",
                login_at=1 if logs_in else -1,
                order=number,
                has_consent=person.has_web_consent,
                seconds_per_page=MINUTE,
            )
        )
    return sessions


def _from_mail(people: list[Person], mail: Mail, calendar: Calendar, seed: int) -> list[Session]:
    clicks = [event for event in mail.events if event.kind == "click" and not event.is_machine]
    chances = stream(seed, "clicks").random((len(clicks), 2)).tolist()
    sessions = []
    for event, u in zip(clicks, chances, strict=True):
        message = mail.messages[event.message]
        person = people[message.person]
        if u[0] < 0.8 or person.is_cast:
            sessions.append(
                Session(
                    person=person.index,
                    client=person.clients[int(u[1] * len(person.clients))],
                    started_at=event.at + 1,
                    pages=2,
                    click_token=message.token,
                    campaign=mail.campaigns[message.campaign].campaign_id,
                    has_consent=person.has_web_consent,
                )
            )
    return sessions


def _cast_sessions(people: list[Person], calendar: Calendar) -> list[Session]:
    cast = by_role(people)
    sessions = []

    def visit(role: str, at: int, pages: int, **facts: object) -> None:
        person = cast[role]
        session = Session(person.index, person.clients[0], at, pages)
        sessions.append(replace(session, **facts))  # type: ignore[arg-type]

    for role in ("parent", "child"):
        number = cast[role].customer_number
        day = 5 if role == "parent" else 12
        for visit_day in (day, day + 1):
            at = calendar.at(visit_day, 19)
            visit(role, at, 4, user_id=number, login_at=0, mark="family_device")
    flipper = cast["flipper"].customer_number
    at = calendar.at(11, 20)
    visit("flipper", at, 5, user_id=flipper, login_at=2, logout_at=4, mark="login_midway")
    # Two browsers that start within the same second get the same session id.
    at = calendar.at(21, 9)
    for role in ("collision_a", "collision_b"):
        number = cast[role].customer_number
        visit(role, at, 3, user_id=number, login_at=0, mark="session_collision")
    visit(
        "midnight", calendar.at(17) - 2 * MINUTE, 5, seconds_per_page=MINUTE, mark="over_midnight"
    )
    visit("midnight", calendar.at(9, 12), 3, mark="late_page")
    # Same browser, same microsecond, same name, same batch: two different products, both put into
    # the cart.
    visit("html_comment", calendar.at(20, 12), 3, mark="twin_events")
    return sessions


def _bots(calendar: Calendar) -> list[Session]:
    sessions = []
    for index in range(1, calendar.days):
        night = calendar.at(index, 3)
        # One session id for months: a crawler that never lets go of its cookie.
        bot = Session(
            person=BOT,
            client="987654321.1500000000",
            started_at=night,
            pages=40,
            session_id=calendar.at(1, 3),
            seconds_per_page=1,
            mark="bot",
        )
        sessions.append(bot)
        if index % 7 == 0:
            headless = replace(
                bot,
                client="987654322.1500000000",
                session_id=0,
                started_at=night + HOUR,
                pages=150,
                seconds_per_page=2,
                browser="HeadlessChrome",
            )
            sessions.append(headless)
    return sessions
