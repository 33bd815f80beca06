"""How well identities agree with the truth: pairs of identifiers that are one person.

An element is an identifier in the hands of one person, with the time in which it was theirs. Of
an identifier that was several people's at once, nobody can say whose it is: it may belong to
nobody, so it is asked for in precision (a customer that holds it merged people) but not in recall.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from ingestion.warehouse import warehouse_path
from tests.end_to_end.night import email_key

# The namespace of each instance of the simulated company, by its rapport.yml.
SPACES = {
    "hubspot": "hubspot",
    "shopify": "shopify",
    "sendgrid": "sendgrid",
    "ga4": "shop",
    "delighted": "shop",
    "back_office": "shop",
}
# Telephones are no identifiers: families share them.
NO_IDENTIFIERS = ("phone",)
# Between two owners lies an hour; a moment well inside each one's time is asked for.
INSIDE = timedelta(hours=2)


@dataclass(frozen=True)
class Element:
    """An identifier of a person; ``group``: what the files tie together of the person."""

    node: str
    person: str
    group: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Agreement:
    """Pairs of elements: claimed to be one person, rightly so, and tied together by the files.

    ``untied_false``: false pairs with an element that no file ties to its person, a browser
    that a second person used without ever saying who they are: no evidence could tell.
    """

    claimed: int
    right: int
    tied: int
    found: int
    untied_false: int
    merged_people: int

    @property
    def precision(self) -> float:
        """Share of claimed pairs that are right, as far as evidence reaches."""
        return 1 - (self.claimed - self.right - self.untied_false) / self.claimed

    @property
    def raw_precision(self) -> float:
        """Share of claimed pairs that are right, whatever the files could know."""
        return self.right / self.claimed

    @property
    def recall(self) -> float:
        """Share of tied pairs that were found."""
        return self.found / self.tied


def agreement_of_home(home: Path, rows: Iterable[dict[str, str]]) -> Agreement:
    """How the identities in a home's warehouse agree with ``identifiers.csv``."""
    with duckdb.connect(str(warehouse_path(home)), read_only=True) as connection:
        known = {
            name
            for (name,) in connection.execute(
                "select identifier from intermediate.int_identifiers"
            ).fetchall()
        }
        return agreement(elements(rows, lambda email: email_key(home, email), known), connection)


def elements(
    rows: Iterable[dict[str, str]], email_key: Callable[[str], str], known: set[str]
) -> list[Element]:
    """Elements of ``identifiers.csv`` that were delivered (``known``: their nodes)."""
    found: dict[tuple[str, str], Element] = {}
    for row in rows:
        kind, value = row["identifier_type"], row["identifier"]
        if kind in NO_IDENTIFIERS:
            continue
        is_email = kind == "email"
        node = f"any|email|{email_key(value)}" if is_email else ""
        node = node or f"{SPACES[row['source']]}|{kind}|{value}"
        # Only addresses and devices change hands; a merged record's id stays the person's.
        is_timed = kind in ("email", "anonymous")
        since, until = (
            datetime.fromisoformat(row[name]) if is_timed and row[name] else None
            for name in ("valid_from", "valid_to")
        )
        place = (node, row["person_id"])
        if node in known and (place not in found or since or until):
            found[place] = Element(*place, row["linked_group"], since, until)
    return list(found.values())


def agreement(found: Sequence[Element], connection: duckdb.DuckDBPyConnection) -> Agreement:
    """Compare the assignments of a warehouse with the truth."""
    spells: dict[str, list[tuple[datetime | None, datetime | None, str]]] = defaultdict(list)
    for node, customer, since, until in connection.execute(
        "select identifier, customer_id, valid_from, valid_to from estimates.identity_assignments"
    ).fetchall():
        spells[node].append((since, until, customer))
    holders = Counter(item.node for item in found)
    at_once = {
        item.node for item in found if holders[item.node] > 1 and not (item.since or item.until)
    }
    groups = Counter(item.group for item in found)
    clusters: dict[str, list[Element]] = defaultdict(list)
    for item in found:
        customer = _customer(spells[item.node], item)
        clusters[customer or f"nobody {item.node} {item.person}"].append(item)

    def is_tied(item: Element) -> bool:
        return holders[item.node] == 1 or groups[item.group] > 1

    claimed = sum(_pairs(len(members)) for members in clusters.values())
    right = sum(_within(members, "person") for members in clusters.values())
    provable = [[item for item in members if is_tied(item)] for members in clusters.values()]
    false = sum(_pairs(len(members)) - _within(members, "person") for members in provable)
    alone = [item for item in found if item.node not in at_once]
    found_pairs = sum(
        _within([item for item in members if item.node not in at_once], "group")
        for members in clusters.values()
    )
    return Agreement(
        claimed=claimed,
        right=right,
        tied=_within(alone, "group"),
        found=found_pairs,
        untied_false=claimed - right - false,
        merged_people=sum(len({item.person for item in members}) > 1 for members in provable),
    )


def _customer(
    spells: Sequence[tuple[datetime | None, datetime | None, str]], item: Element
) -> str | None:
    """Whose the identifier was in the person's time; of a single owner, at any time of it."""
    if item.since is not None:
        moment = item.since + INSIDE
    elif item.until is not None:
        moment = item.until - INSIDE
    else:
        return spells[0][2] if len(spells) == 1 else None
    for since, until, customer in spells:
        if (since is None or since <= moment) and (until is None or moment < until):
            return customer
    return None


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _within(items: Iterable[Element], facet: str) -> int:
    """Pairs that share their person, or their group."""
    return sum(_pairs(count) for count in Counter(getattr(item, facet) for item in items).values())
