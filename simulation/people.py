"""The people: their names, addresses and ids, and what drives them (purchase rate, dropout, value,
engagement).

The first people are the *cast*: each plays one trap and does only what is written for them.
Everybody else behaves by the model whose parameters stand below and in the truth's
``effects.json``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

import numpy as np

from simulation.catalogue import FAMILY_NAMES, GIVEN_NAMES
from simulation.draws import stream
from simulation.local_time import DAY, Calendar

# Counts: purchases arrive with rate ~ Gamma(shape, 1/scale_days); after each one the person leaves
# for good with probability ~ Beta(a, b). Value: Gamma(p, nu) with nu ~ Gamma(q, v), mean p v / (q -
# 1) kroner.
RATE_SHAPE, RATE_SCALE_DAYS = 1.1, 22.0
DROPOUT_A, DROPOUT_B = 0.9, 3.5
VALUE_P, VALUE_Q, VALUE_V = 5.0, 4.5, 420.0
ENGAGEMENT_RATE_CORRELATION = 0.6
MEMBER_VALUE_UPLIFT = 1.18
COMPLAINT_SHARE, COMPLAINT_DROPOUT = 0.06, 0.5

CAST = (
    "mailbox_a",
    "mailbox_b",
    "mailbox_c",
    "couple_one",
    "couple_two",
    "merged",
    "zeros",
    "no_zeros",
    "spelling",
    "nasty_name",
    "html_comment",
    "opted_out",
    "parent",
    "child",
    "flipper",
    "late_refund",
    "partial_refund",
    "full_refund",
    "tester",
    "unpaid",
    "edited",
    "double_block",
    "winter_time",
    "apple_reader",
    "behind_gateway",
    "jakarta",
    "guest",
    "collision_a",
    "collision_b",
    "till_member",
    "malformed",
    "resubscriber",
    "midnight",
    "job_changer",
    "successor",
    "undone_a",
    "undone_b",
)
JOB_CHANGE_DAY, UNDONE_DAY = 15, 8
WORK_ADDRESS = "einkauf.kladdeby@example.com"
# Between one owner and the next lies an hour.
HANDOVER = 3600

ROLE_MAILBOX = "info@example.net"
COUPLE_MAILBOX = "familien.kladdeby@example.com"
NASTY_GIVEN_NAME = 'Åse "Æsj", \n=HYPERLINK("http://example.com/x","klikk")'
NASTY_FAMILY_NAME = "O'Tøst; 🎈 <b>fet</b>"


# Role mailboxes and addresses of couples: see the cast and entanglements.py.
_OF_SEVERAL = ("info@", "kontakt@", "familien.")


def names_one_person(address: str) -> bool:
    """Does an address say who somebody is? One of several people does not."""
    return address != "" and not address.lower().startswith(_OF_SEVERAL)


@dataclass(frozen=True, slots=True)
class Person:
    """One human being; empty texts are ids the person does not have, ``joined_at`` 0 is no
    membership.
    """

    index: int
    person_id: str
    role: str
    segment: str
    given_name: str
    family_name: str
    emails: tuple[str, ...]
    phone: str
    customer_number: str
    card: str
    contact_id: str
    clients: tuple[str, ...]
    country: str
    acquired_at: int
    joined_at: int
    engagement: float
    purchase_rate: float
    dropout_probability: float
    mean_value: float
    mail_client: str
    is_subscribed: bool
    has_web_consent: bool
    # What changes at ``changed_at``: an address of work is given up (former) or taken over (work),
    # a device given or taken, two records of the person merged, or two people merged by mistake.
    changed_at: int = 0
    former_email: str = ""
    work_email: str = ""
    gives_device: bool = False
    takes_device: bool = False
    is_doubled: bool = False
    swallows: int = -1
    is_swallowed: bool = False

    def contact_email(self, at: int) -> str:
        """The address on the person's contact record at a moment."""
        if self.former_email and at < self.changed_at:
            return self.former_email
        if self.work_email and at >= self.changed_at + HANDOVER:
            return self.work_email
        return self.emails[0]

    def times_of(self, identifier: str) -> tuple[int, int]:
        """Since when and until when an identifier is the person's; 0 is an open end."""
        if identifier and identifier == self.former_email:
            return 0, self.changed_at
        if identifier and identifier == self.work_email:
            return self.changed_at, 0
        if self.gives_device and identifier == self.clients[0]:
            return 0, self.changed_at
        if self.takes_device and identifier == self.clients[0]:
            return self.changed_at, 0
        return 0, 0

    def has_device(self, at: int) -> bool:
        """May the person's device be used at a moment? Only one that is handed on may not."""
        if self.gives_device:
            return at < self.changed_at
        return not self.takes_device or at >= self.changed_at + HANDOVER

    @property
    def is_cast(self) -> bool:
        """Does the person play a trap, instead of following the model?"""
        return self.role != ""


def draw_people(customers: int, calendar: Calendar, seed: int) -> list[Person]:
    """All people, the cast first; ``customers`` counts both."""
    cast = [_cast_member(index, role, calendar) for index, role in enumerate(CAST)]
    return cast + _ordinary(len(cast), customers - len(cast), calendar, seed)


def by_role(people: list[Person]) -> dict[str, Person]:
    """The cast by the part they play."""
    return {person.role: person for person in people if person.role}


def contact_id(index: int, copy: int = 0) -> str:
    """HubSpot's record id of a person's contact; ``copy`` counts the person's further contacts."""
    return str(713_490_000_000 + index * 1_009 + copy * 7)


def client_id(index: int, number: int, calendar: Calendar) -> str:
    """The browser id that Google Analytics gives a device."""
    return f"{100_000_007 * (number + 3) + index * 7_919}.{calendar.start - (index % 90) * DAY}"


_SUBSCRIBED_CAST = ("couple_one", "apple_reader", "behind_gateway", "opted_out", "resubscriber")
_WITHOUT_ACCOUNT = ("guest", "jakarta", "mailbox_a", "mailbox_b", "mailbox_c", "successor")


def _cast_member(index: int, role: str, calendar: Calendar) -> Person:
    emails: tuple[str, ...] = (f"{role.replace('_', '.')}.{index}@example.org",)
    if role.startswith("couple"):
        emails = (COUPLE_MAILBOX,)
    if role == "merged":
        emails = tuple(
            f"merged.{name}.{index}@example.org" for name in ("now", "before", "earlier")
        )
    if role == "spelling":
        # The same mailbox as three systems write it: composed, decomposed, shouted with blanks.
        composed = unicodedata.normalize("NFC", f"åsé.skissebakk.{index}@example.com")
        emails = (composed, unicodedata.normalize("NFD", composed), f" {composed.upper()} ")
    number = f"{9_000 + index:06d}"
    if role in ("zeros", "no_zeros"):
        number = "000482" if role == "zeros" else "482"
    given, family = role.replace("_", " ").title(), f"Kladdeby {index}"
    if role == "nasty_name":
        given, family = NASTY_GIVEN_NAME, NASTY_FAMILY_NAME
    changes: dict[str, object] = {}
    if role in ("job_changer", "successor"):
        kind = "former_email" if role == "job_changer" else "work_email"
        changes = {kind: WORK_ADDRESS, "changed_at": calendar.at(JOB_CHANGE_DAY, 12)}
    if role in ("undone_a", "undone_b"):
        changes = {"changed_at": calendar.at(UNDONE_DAY, 12), "is_swallowed": role == "undone_b"}
        changes["swallows"] = index + 1 if role == "undone_a" else -1
    clients: tuple[str, ...] = (client_id(index, 0, calendar),)
    if role == "child":
        clients = (client_id(index - 1, 0, calendar), client_id(index, 0, calendar))
    person = Person(
        index=index,
        person_id=f"P{index:06d}",
        role=role,
        segment="cast",
        given_name=given,
        family_name=family,
        emails=emails,
        phone=f"+4700{index:06d}",
        customer_number="" if role in _WITHOUT_ACCOUNT else number,
        card=f"00{47_110_000 + index}" if role == "till_member" else "",
        contact_id="" if role in ("guest", "tester") else contact_id(index),
        clients=clients,
        country="Indonesia" if role == "jakarta" else "Norway",
        acquired_at=calendar.start,
        joined_at=calendar.at(12, 9) if role == "till_member" else 0,
        engagement=0.0,
        purchase_rate=0.0,
        dropout_probability=0.0,
        mean_value=0.0,
        mail_client={"apple_reader": "apple", "behind_gateway": "gateway"}.get(role, "plain"),
        is_subscribed=role in _SUBSCRIBED_CAST,
        has_web_consent=role != "guest",
    )
    return replace(person, **changes)  # type: ignore[arg-type]


def _ordinary(first: int, count: int, calendar: Calendar, seed: int) -> list[Person]:
    generator = stream(seed, "people")
    engagement = generator.standard_normal(count)
    # Engaged people buy more often: rates are drawn from their gamma, then handed out in the order
    # of a score that is correlated with engagement. The gamma itself stays exact.
    rates = np.sort(generator.gamma(RATE_SHAPE, 1.0 / RATE_SCALE_DAYS, count))
    rho = ENGAGEMENT_RATE_CORRELATION
    noise = generator.standard_normal(count)
    order = np.argsort(np.argsort(rho * engagement + np.sqrt(1 - rho**2) * noise))
    rates = rates[order]
    dropout = generator.beta(DROPOUT_A, DROPOUT_B, count)
    values = VALUE_P / generator.gamma(VALUE_Q, 1.0 / VALUE_V, count)
    segments = generator.choice(
        ["online", "omni", "store", "indonesia", "lead"], count, p=[0.50, 0.20, 0.12, 0.08, 0.10]
    )
    acquired = calendar.start + generator.integers(0, (calendar.days - 1) * DAY, count)
    uniform = generator.random((count, 8))
    join_delay = generator.integers(0, 45 * DAY, count)
    people = []
    for row in range(count):
        index, u = first + row, uniform[row]
        segment = str(segments[row])
        given = GIVEN_NAMES[index % len(GIVEN_NAMES)]
        family = FAMILY_NAMES[(index // 7) % len(FAMILY_NAMES)]
        address = f"{given}.{family}.{index}@example.{('com', 'org', 'net')[index % 3]}".lower()
        second = f"{given[0]}.{family}{index}@example.{('net', 'com')[index % 2]}".lower()
        joined = int(acquired[row] + join_delay[row])
        wants_card = u[0] < (0.65 if segment == "store" else 0.25 + 0.12 * float(engagement[row]))
        is_member = wants_card and segment not in ("indonesia", "lead") and joined < calendar.end
        has_account = is_member or (segment in ("online", "omni") and u[1] < 0.75)
        people.append(
            Person(
                index=index,
                person_id=f"P{index:06d}",
                role="",
                segment=segment,
                given_name=given,
                family_name=f"{family} {index}",
                emails=(address, second) if u[2] < 0.15 else (address,),
                phone=f"+4700{index:06d}",
                customer_number=f"{10_000 + index:06d}" if has_account else "",
                card=f"00{47_110_000 + index}" if is_member else "",
                contact_id=contact_id(index) if u[3] < 0.85 else "",
                clients=tuple(client_id(index, n, calendar) for n in range(2 if u[4] < 0.4 else 1)),
                country="Indonesia" if segment == "indonesia" else "Norway",
                acquired_at=int(acquired[row]),
                joined_at=joined if is_member else 0,
                engagement=float(engagement[row]),
                purchase_rate=0.0 if segment == "lead" else float(rates[row]),
                dropout_probability=0.0 if segment == "lead" else float(dropout[row]),
                mean_value=0.0 if segment == "lead" else float(values[row]),
                mail_client="apple" if u[5] < 0.45 else ("gateway" if u[5] < 0.51 else "plain"),
                is_subscribed=bool(u[6] < 0.70),
                has_web_consent=bool(u[7] < 0.88),
            )
        )
    return people
