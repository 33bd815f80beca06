"""People whose identifiers run into each other, in companies large enough to hold many of them.

Every fortieth pair of neighbours of each kind: a couple with one address, a family with one device,
a device that is handed on, a job that passes on with its address, duplicates that the CRM merged,
two people whom the CRM merged by mistake and split again, a firm's role mailbox. The cast plays one
of each in every company; these make them frequent enough to measure.
"""

from __future__ import annotations

from dataclasses import replace

from simulation.local_time import DAY, Calendar
from simulation.people import Person, contact_id

# Small companies keep to the cast, so that each of their people can be followed by hand.
FIRST = 500
EVERY = 40


def entangle(people: list[Person], calendar: Calendar) -> list[Person]:
    """The same people, some pairs of them entangled."""
    changed = list(people)
    for index in range(FIRST, len(people) - 1, 2):
        kind = index // 2 % EVERY
        if kind < len(_KINDS):
            pair = (people[index], people[index + 1])
            changed[index], changed[index + 1] = _KINDS[kind](*pair, calendar)
    return changed


Pair = tuple[Person, Person]


def _couple(one: Person, other: Person, calendar: Calendar) -> Pair:
    address = (f"familien.{one.index}@example.org",)
    return (
        replace(one, emails=address, contact_id=contact_id(one.index)),
        replace(other, emails=address, contact_id=contact_id(other.index)),
    )


def _family_device(one: Person, other: Person, calendar: Calendar) -> Pair:
    return one, replace(other, clients=(one.clients[0], *other.clients))


def _handed_on(one: Person, other: Person, calendar: Calendar) -> Pair:
    at = _moment(one, calendar)
    return (
        replace(one, clients=one.clients[:1], changed_at=at, gives_device=True),
        replace(other, clients=(one.clients[0],), changed_at=at, takes_device=True),
    )


def _job(one: Person, other: Person, calendar: Calendar) -> Pair:
    at = _moment(one, calendar)
    address = f"einkauf.{one.index}@example.com"
    return (
        replace(
            one,
            contact_id=contact_id(one.index),
            acquired_at=max(calendar.start, min(one.acquired_at, at - 10 * DAY)),
            joined_at=0,
            card="",
            former_email=address,
            changed_at=at,
        ),
        replace(
            other,
            contact_id=contact_id(other.index),
            acquired_at=min(other.acquired_at, at),
            joined_at=0,
            card="",
            work_email=address,
            changed_at=at,
        ),
    )


def _duplicates(one: Person, other: Person, calendar: Calendar) -> Pair:
    """Each was entered twice, and the CRM merged the two records."""

    def doubled(person: Person) -> Person:
        first = person.emails[0]
        return replace(
            person,
            emails=(first, f"privat.{person.index}@example.net"),
            contact_id=contact_id(person.index),
            changed_at=_moment(person, calendar),
            is_doubled=True,
        )

    return doubled(one), doubled(other)


def _merged_by_mistake(one: Person, other: Person, calendar: Calendar) -> Pair:
    at = _moment(one, calendar)
    return (
        replace(one, contact_id=contact_id(one.index), changed_at=at, swallows=other.index),
        replace(other, contact_id=contact_id(other.index), changed_at=at, is_swallowed=True),
    )


def _role_mailbox(one: Person, other: Person, calendar: Calendar) -> Pair:
    address = f"kontakt@firma{one.index}.example.com"
    return (
        replace(one, emails=(one.emails[0], address)),
        replace(other, emails=(other.emails[0], address)),
    )


_KINDS = (
    _couple,
    _family_device,
    _handed_on,
    _job,
    _duplicates,
    _merged_by_mistake,
    _role_mailbox,
)


def _moment(person: Person, calendar: Calendar) -> int:
    """A moment in the middle third of the company's days, at a whole minute."""
    third = calendar.days // 3
    return calendar.at(third + person.index % third, 12)
