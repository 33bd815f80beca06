"""E-mails sent and what happened to them: newsletters, order confirmations, machine opens and
clicks.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulation.draws import stream, token
from simulation.local_time import DAY, HOUR, Calendar
from simulation.people import Person
from simulation.purchases import Order

FIRST_NEWSLETTER_DAY, NEWSLETTER_EVERY_DAYS = 3, 14
NEWSLETTER_LINKS = 4
OPTED_OUT_FROM_DAY = 21
# Every second newsletter keeps a control group; nothing is planted, so its true lift is zero.
CONTROL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Campaign:
    """A mailing; confirmations of orders are one endless campaign of their own."""

    campaign_id: str
    name: str
    day: int
    sent_at: int
    is_newsletter: bool
    category_is_list: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One e-mail to one person; ``token`` is the part of the message id that its links carry."""

    number: int
    person: int
    campaign: int
    sent_at: int
    email: str
    token: str


@dataclass(frozen=True, slots=True)
class MailEvent:
    """One thing that happened to a message. ``link`` is -1 where none was clicked."""

    message: int
    kind: str
    at: int
    link: int = -1
    is_machine: bool = False
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A person drawn into the control group of a newsletter: nothing was sent, on purpose."""

    person: int
    campaign: int
    at: int


@dataclass(frozen=True, slots=True)
class Mail:
    """Everything that left the company by e-mail, and who no longer wants it (person: second)."""

    campaigns: list[Campaign]
    messages: list[Message]
    events: list[MailEvent]
    unsubscribed: dict[int, int]
    withheld: list[Withheld]


def draw_mail(people: list[Person], orders: list[Order], calendar: Calendar, seed: int) -> Mail:
    """Newsletters every two weeks to those who agreed, a confirmation for every web order with an
    address.
    """
    campaigns = [Campaign("order-confirmation", "Order confirmation", 0, 0, False, False)]
    for number, day in enumerate(
        range(FIRST_NEWSLETTER_DAY, calendar.days - 2, NEWSLETTER_EVERY_DAYS), 1
    ):
        campaigns.append(
            Campaign(
                campaign_id=f"00{7000 + number}",
                name=f"Newsletter {number}",
                day=day,
                sent_at=calendar.at(day, 10),
                is_newsletter=True,
                category_is_list=number % 2 == 0,
            )
        )
    mail = Mail(campaigns, [], [], {}, [])
    generator = stream(seed, "mail")
    for number, campaign in enumerate(campaigns):
        if campaign.is_newsletter:
            recipients = [
                person
                for person in people
                if person.is_subscribed
                and person.acquired_at <= campaign.sent_at
                and person.index not in mail.unsubscribed
                # Between saying no and saying yes again nothing is sent.
                and not (person.role == "opted_out" and campaign.day >= OPTED_OUT_FROM_DAY)
            ]
            chances = generator.random((len(recipients), 10))
            for person, u in zip(recipients, chances.tolist(), strict=True):
                if number % 2 and u[9] < CONTROL_SHARE and not person.is_cast:
                    mail.withheld.append(Withheld(person.index, number, campaign.sent_at))
                    continue
                _newsletter(mail, number, campaign, person, u, calendar)
    _confirmations(mail, people, orders, calendar, seed)
    return mail


def _message(mail: Mail, campaign: int, person: Person, at: int, email: str) -> Message:
    number = len(mail.messages)
    message = Message(number, person.index, campaign, at, email, f"m{token(number, at)}")
    mail.messages.append(message)
    return message


def _newsletter(
    mail: Mail, number: int, campaign: Campaign, person: Person, u: list[float], calendar: Calendar
) -> None:
    sent_at = campaign.sent_at + int(u[0] * 1500)
    message = _message(mail, number, person, sent_at, person.emails[0])
    # The cast's messages always arrive: a bounce would take their trap away.
    if not _delivered(mail, message, 0.5 if person.is_cast else u[1]):
        return
    delivered_at = sent_at + 5
    _machines(mail, message, person, delivered_at, u[2])
    if person.mail_client == "gateway":
        for link in range(NEWSLETTER_LINKS):
            mail.events.append(
                MailEvent(message.number, "click", delivered_at + link // 3, link, True, "gateway")
            )
    # A person needs at least ten minutes to get to the mail, and another half to find a link.
    human_at = delivered_at + 600 + int(u[3] * u[3] * 2 * DAY)
    interest = min(0.95, max(0.03, 0.32 + 0.16 * person.engagement))
    if person.role in ("behind_gateway", "apple_reader", "resubscriber"):
        interest = 1.0
    if u[4] >= interest or human_at + HOUR >= calendar.end:
        return
    if person.mail_client != "apple":
        mail.events.append(MailEvent(message.number, "open", human_at))
        if u[5] < 0.2:
            mail.events.append(MailEvent(message.number, "open", human_at + 1200))
    if u[6] < 0.28 + 0.08 * person.engagement or interest == 1.0:
        link = min(2, int(u[7] * 3))
        mail.events.append(MailEvent(message.number, "click", human_at + 30, link))
    _leaving(mail, message, person, human_at + 60, u[8])


def _delivered(mail: Mail, message: Message, chance: float) -> bool:
    mail.events.append(MailEvent(message.number, "processed", message.sent_at))
    if chance < 0.004:
        mail.events.append(MailEvent(message.number, "dropped", message.sent_at + 1))
        return False
    if chance < 0.012:
        mail.events.append(MailEvent(message.number, "bounce", message.sent_at + 9))
        return False
    if chance < 0.03:
        mail.events.append(MailEvent(message.number, "deferred", message.sent_at + 2))
    mail.events.append(MailEvent(message.number, "delivered", message.sent_at + 5))
    return True


def _machines(
    mail: Mail, message: Message, person: Person, delivered_at: int, chance: float
) -> None:
    if person.mail_client == "apple":
        opened_at = delivered_at + 20 + int(chance * 3 * HOUR)
        mail.events.append(MailEvent(message.number, "open", opened_at, -1, True, "apple"))
    if person.mail_client == "gateway":
        mail.events.append(MailEvent(message.number, "open", delivered_at, -1, True, "gateway"))


def _leaving(mail: Mail, message: Message, person: Person, at: int, chance: float) -> None:
    is_second = mail.campaigns[message.campaign].day >= FIRST_NEWSLETTER_DAY + NEWSLETTER_EVERY_DAYS
    scripted = person.role == "resubscriber" and not is_second
    if person.is_cast and not scripted:
        return
    if scripted or chance < 0.03:
        kind = "group_unsubscribe" if scripted or chance < 0.01 else "unsubscribe"
        mail.events.append(MailEvent(message.number, kind, at))
        if scripted:
            mail.events.append(MailEvent(message.number, "group_resubscribe", at + 2 * DAY))
        else:
            mail.unsubscribed[person.index] = at
    elif chance < 0.038:
        mail.events.append(MailEvent(message.number, "spamreport", at))
        mail.unsubscribed[person.index] = at


def _confirmations(
    mail: Mail, people: list[Person], orders: list[Order], calendar: Calendar, seed: int
) -> None:
    bought = [
        order
        for order in orders
        if order.shop == "shopify" and order.email and calendar.contains(order.placed_at)
    ]
    chances = stream(seed, "confirmations").random((len(bought), 3)).tolist()
    for order, u in zip(bought, chances, strict=True):
        person = people[order.person]
        message = _message(mail, 0, person, order.placed_at + 8, order.email.strip())
        if message.sent_at + HOUR >= calendar.end or not _delivered(mail, message, u[0]):
            continue
        _machines(mail, message, person, message.sent_at + 5, u[1] * 0.1)
        opened_at = message.sent_at + 700 + int(u[1] * HOUR)
        if person.mail_client != "apple" and u[2] < 0.6 and opened_at < calendar.end:
            mail.events.append(MailEvent(message.number, "open", opened_at))
