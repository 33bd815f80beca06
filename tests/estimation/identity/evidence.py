"""Evidence by hand: identifiers and edges in few words, and what a resolution made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pyarrow as pa

from estimation.identity.resolution import Resolution
from estimation.identity.tables import EDGES, IDENTIFIERS

FIRST_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - naive UTC


def day(number: int) -> datetime:
    """Midnight of a day; 0 is the first."""
    return FIRST_DAY + timedelta(days=number)


def identifier(name: str, **facts: object) -> dict[str, object]:
    """A row of IDENTIFIERS for ``space|type|value``; customers are contact records unless told."""
    space, kind, _ = name.split("|")
    row: dict[str, object] = {
        "identifier": name,
        "identifier_type": kind,
        "id_space": space,
        "name_key": None,
        "is_contact": kind == "customer",
        "has_order": False,
        "guard_reason": None,
        "first_seen_at": FIRST_DAY,
    }
    return row | facts


def edge(
    left: str,
    right: str,
    evidence: str,
    since: int = 0,
    until: int | None = None,
    *,
    is_ended: bool = False,
    strength: float = 1.0,
) -> dict[str, object]:
    """A row of EDGES, observed from day ``since`` to ``until``; None: it still stands."""
    return {
        "left_identifier": left,
        "right_identifier": right,
        "source": left.split("|", maxsplit=1)[0],
        "evidence": evidence,
        "strength": strength,
        "observed_at": day(since),
        "last_observed_at": None if until is None else day(until),
        "is_ended": is_ended,
    }


def tables(
    identifiers: Iterable[dict[str, object]], edges: Iterable[dict[str, object]]
) -> tuple[pa.Table, pa.Table]:
    """IDENTIFIERS and EDGES."""
    return (
        pa.Table.from_pylist(list(identifiers), schema=IDENTIFIERS),
        pa.Table.from_pylist(list(edges), schema=EDGES),
    )


def of(edges: Iterable[dict[str, object]], **known: dict[str, object]) -> tuple[pa.Table, pa.Table]:
    """Edges with the identifiers they name; ``known`` gives those (by value) that need facts."""
    listed = list(edges)
    names = dict.fromkeys(
        str(row[side]) for row in listed for side in ("left_identifier", "right_identifier")
    )
    rows = [identifier(name, **known.get(name.rsplit("|", 1)[1], {})) for name in names]
    return tables(rows, listed)


def resolved(resolution: Resolution) -> dict[str, list[dict[str, object]]]:
    """All that was found out, to be compared."""
    return {
        "assignments": resolution.assignments.to_pylist(),
        "exclusions": resolution.exclusions.to_pylist(),
        "blocks": resolution.blocks.to_pylist(),
    }


def together(resolution: Resolution) -> set[frozenset[str]]:
    """Which identifiers are one customer at some time."""
    groups: dict[str, set[str]] = {}
    for row in resolution.assignments.to_pylist():
        groups.setdefault(row["customer_id"], set()).add(row["identifier"].rsplit("|", 1)[1])
    return {frozenset(members) for members in groups.values()}


def owners(resolution: Resolution, name: str) -> list[tuple[str, int | None, int | None]]:
    """Who owned an identifier: another identifier of the owner, from and until which day."""
    rows = resolution.assignments.to_pylist()
    others = {
        row["customer_id"]: row["identifier"].rsplit("|", 1)[1]
        for row in sorted(rows, key=lambda row: row["identifier"], reverse=True)
        if row["identifier"] != name and "|customer|" in row["identifier"]
    }

    def number(moment: datetime | None) -> int | None:
        return None if moment is None else (moment - FIRST_DAY).days

    return sorted(
        (
            (others[row["customer_id"]], number(row["valid_from"]), number(row["valid_to"]))
            for row in rows
            if row["identifier"] == name
        ),
        key=lambda item: item[1] or 0,
    )


def reasons(resolution: Resolution) -> dict[str, str]:
    """Why identifiers, or links (a-b), join nobody."""
    found = {}
    for row in resolution.exclusions.to_pylist():
        name, other = row["identifier"], row["other_identifier"]
        parts = [text.rsplit("|", 1)[1] for text in (name, other) if text]
        found["-".join(parts)] = row["reason"]
    return found
