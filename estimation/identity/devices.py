"""Whose a browser or device is, and when.

A device never makes two people one. It belongs to the customer who logs in on it; where several do,
each owns it from the first to the last of their own logins, the first one also before, the last one
also after, and nobody while the times of two overlap. A link in an e-mail says less than a login:
it counts only on a device where nobody logs in, and only if all links were one customer's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from estimation.identity.tables import (
    CROWDED_DEVICE,
    MANY_LINKS,
    MOST_CUSTOMERS,
    SHARED_DEVICE,
)


@dataclass(frozen=True, slots=True)
class Use:
    """A customer's time on a device, from the first to the last evidence."""

    customer: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Ownership:
    """A device's owner from ``since`` until before ``until``; None is open."""

    customer: int
    since: datetime | None = None
    until: datetime | None = None


def owners_by_login(uses: Iterable[Use]) -> tuple[tuple[Ownership, ...], str | None]:
    """Who owns a device on which these customers logged in; with the reason where it is (at times)
    nobody's.
    """
    spans: dict[int, tuple[datetime, datetime]] = {}
    for use in uses:
        since, until = spans.get(use.customer, (use.since, use.until))
        spans[use.customer] = (min(since, use.since), max(until, use.until))
    if len(spans) == 1:
        return (Ownership(next(iter(spans))),), None
    if len(spans) > MOST_CUSTOMERS:
        return (), CROWDED_DEVICE
    return _alone(spans)


def _alone(
    spans: Mapping[int, tuple[datetime, datetime]],
) -> tuple[tuple[Ownership, ...], str | None]:
    """The times in which one customer's span alone covers the device."""
    moments = sorted({moment for span in spans.values() for moment in span})
    slices: list[tuple[datetime | None, datetime | None]] = [
        (None, moments[0]),
        *pairwise(moments),
        (moments[-1], None),
    ]
    owned: list[Ownership] = []
    is_shared = False
    for since, until in slices:
        present = [
            customer
            for customer, (first, last) in spans.items()
            if (since is None and first == until)
            or (until is None and last == since)
            or (since is not None and until is not None and first <= since and until <= last)
        ]
        is_shared = is_shared or len(present) > 1
        if len(present) == 1:
            owned.append(Ownership(present[0], since, until))
    return _merged(owned), SHARED_DEVICE if is_shared else None


def _merged(owned: Sequence[Ownership]) -> tuple[Ownership, ...]:
    merged: list[Ownership] = []
    for item in owned:
        last = merged[-1] if merged else None
        if last and last.customer == item.customer and last.until == item.since:
            merged[-1] = Ownership(item.customer, last.since, item.until)
        else:
            merged.append(item)
    return tuple(merged)


def owners_by_link(customers: Iterable[int]) -> tuple[tuple[Ownership, ...], str | None]:
    """Who owns a device that nobody logged in on, but that followed links sent to these."""
    found = set(customers)
    if len(found) == 1:
        return (Ownership(found.pop()),), None
    return (), MANY_LINKS


def grouped(uses: Iterable[tuple[int, Use]]) -> dict[int, list[Use]]:
    """Uses by device."""
    groups: dict[int, list[Use]] = defaultdict(list)
    for device, use in uses:
        groups[device].append(use)
    return groups
