"""One block of evidence in which something is wrong: who is one customer in it, and what is not
evidence after all.

A block is suspicious where it holds two contact records of one source that nobody merged, more
identifiers than a person has, or a decision of the user. Rules, in this order:

1. The user's decisions, the vendor's merges, and two records that carry the same address and the
   same name are one customer; so is a record that took over the address of a removed one of its
   source (unless their names differ).
2. An address that two customers of one source carry at the same time joins nobody, nor does a card
   of two customers. An address that one gave up before the other got it is two identifiers: one
   until then, one from then on.
3. All other evidence joins, the strongest and oldest first, as long as it does not join two
   customers of one source, or what the user told apart.
4. A cluster that is too large keeps nothing but 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from estimation.identity.tables import (
    BEGINNING,
    CHANGED_HANDS,
    CONTACT_CARD,
    CONTACT_EMAIL,
    CROWDED_ADDRESS,
    CUSTOMER,
    DECIDED,
    DECIDED_ONE,
    DECIDED_TWO,
    EMAIL,
    END,
    MOST_CUSTOMERS,
    MOST_IDENTIFIERS,
    OVERSIZE,
    SHARED_ADDRESS,
    SHARED_CARD,
    TWO_CUSTOMERS,
    VENDOR_MERGE,
)


@dataclass(frozen=True, slots=True)
class Member:
    """An identifier of the block."""

    identifier: str
    kind: str
    space: str
    name: str | None
    is_contact: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """A piece of evidence of the block; ``number`` is the caller's."""

    number: int
    left: str
    right: str
    evidence: str
    strength: float
    since: datetime | None
    until: datetime | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Spell:
    """An identifier, or the part of its time in which it belonged to one customer."""

    identifier: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """``clusters``: the customers. ``guarded``: identifiers that join nobody, with the reason.
    ``quarantined``: numbers of the edges that joined nobody, with the reason.
    """

    clusters: tuple[tuple[Spell, ...], ...]
    guarded: Mapping[str, str]
    quarantined: Mapping[int, str]


@dataclass
class _Sets:
    """Disjoint sets that refuse to join what must stay apart."""

    parents: dict[Spell, Spell] = field(default_factory=dict)
    # Of each set: the customer it holds in each source's namespace, and the sides of decisions.
    groups: dict[Spell, dict[str, Spell]] = field(default_factory=dict)
    sides: dict[Spell, set[tuple[int, int]]] = field(default_factory=dict)

    def root(self, spell: Spell) -> Spell:
        self.parents.setdefault(spell, spell)
        while self.parents[spell] != spell:
            self.parents[spell] = spell = self.parents[self.parents[spell]]
        return spell

    def objection(self, left: Spell, right: Spell) -> str | None:
        """Why the two may not be one customer; None where they may."""
        first, second = self.root(left), self.root(right)
        apart = self.sides.get(second, set())
        if any((number, 1 - side) in apart for number, side in self.sides.get(first, ())):
            return DECIDED
        known = self.groups.get(second, {})
        for space, group in self.groups.get(first, {}).items():
            if known.get(space, group) != group:
                return TWO_CUSTOMERS
        return None

    def join(self, left: Spell, right: Spell) -> str | None:
        """Make the two one customer, or say why not."""
        first, second = self.root(left), self.root(right)
        if first == second:
            return None
        if reason := self.objection(first, second):
            return reason
        self.parents[second] = first
        self.groups.setdefault(first, {}).update(self.groups.pop(second, {}))
        self.sides.setdefault(first, set()).update(self.sides.pop(second, ()))
        return None


def resolve_block(members: Iterable[Member], edges: Iterable[Edge]) -> Outcome:
    """Who is one customer among ``members``; the result does not depend on their order."""
    by_name = {member.identifier: member for member in sorted(members, key=lambda m: m.identifier)}
    ordered = sorted(edges, key=_first_the_best)
    sets = _Sets()
    quarantined = _certain(sets, by_name, ordered)
    certain = dict(sets.parents)
    groups = {
        name: sets.root(Spell(name)) for name, member in by_name.items() if member.kind == CUSTOMER
    }
    for name, group in groups.items():
        if by_name[name].is_contact:
            sets.groups.setdefault(group, {})[by_name[name].space] = group
    decided = {end for e in ordered if e.evidence == DECIDED_ONE for end in (e.left, e.right)}
    guarded, spells = _shared(by_name, ordered, groups, decided)
    for edge in ordered:
        if edge.evidence in (DECIDED_ONE, DECIDED_TWO, VENDOR_MERGE):
            continue
        reason = guarded.get(edge.left) or guarded.get(edge.right) or _joined(sets, spells, edge)
        if reason:
            quarantined[edge.number] = reason
    nodes = [
        spell
        for name in by_name
        if name not in guarded
        for spell in spells.get(name, (Spell(name),))
    ]
    clusters = _gathered(sets, nodes)
    if oversize := {spell for cluster in clusters if _too_large(cluster) for spell in cluster}:
        clusters = [cluster for cluster in clusters if not _too_large(cluster)]
        clusters += _gathered(_Sets(certain), sorted(oversize, key=_age))
        names = {spell.identifier for spell in oversize}
        for edge in ordered:
            if edge.left in names and edge.right in names and edge.evidence not in _CERTAIN:
                quarantined.setdefault(edge.number, OVERSIZE)
    return Outcome(tuple(tuple(cluster) for cluster in clusters), guarded, quarantined)


_CERTAIN = (DECIDED_ONE, DECIDED_TWO, VENDOR_MERGE)


def _first_the_best(edge: Edge) -> tuple[object, ...]:
    rank = {DECIDED_ONE: 0, VENDOR_MERGE: 1, CONTACT_EMAIL: 2, CONTACT_CARD: 2}.get(
        edge.evidence, 3
    )
    since = edge.since or END
    return (rank, -edge.strength, since, edge.left, edge.right, edge.evidence, edge.number)


def _age(spell: Spell) -> tuple[str, datetime]:
    return (spell.identifier, spell.since or BEGINNING)


def _too_large(cluster: Sequence[Spell]) -> bool:
    return len({spell.identifier for spell in cluster}) > MOST_IDENTIFIERS


def _certain(sets: _Sets, members: Mapping[str, Member], edges: Sequence[Edge]) -> dict[int, str]:
    """Join what is certain (rule 1); merges that the user's decisions undo are quarantined."""
    for edge in edges:
        if edge.evidence == DECIDED_TWO:
            for side, name in enumerate(sorted((edge.left, edge.right))):
                sets.sides.setdefault(sets.root(Spell(name)), set()).add((edge.number, side))
    quarantined = {}
    for edge in edges:
        if edge.evidence in (DECIDED_ONE, VENDOR_MERGE):
            reason = sets.join(Spell(edge.left), Spell(edge.right))
            if reason:
                quarantined[edge.number] = reason
    carried: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge.evidence == CONTACT_EMAIL:
            carried[edge.right].append(edge)
    for _, records in sorted(carried.items()):
        by_time = sorted(records, key=_since)
        for place, first in enumerate(by_time):
            for second in by_time[place + 1 :]:
                if first.left != second.left and _are_one_person(members, first, second):
                    sets.join(Spell(first.left), Spell(second.left))
    return quarantined


def _since(edge: Edge) -> tuple[datetime, str]:
    return (edge.since or BEGINNING, edge.left)


def _holdings(
    members: Mapping[str, Member], edges: Sequence[Edge], evidence: str
) -> dict[tuple[str, str], list[Edge]]:
    """Contact records (on the left) by the address or card and the namespace of the record."""
    held: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge.evidence != evidence:
            continue
        record, shared = edge.left, edge.right
        held[shared, members[record].space].append(edge)
    return {
        place: sorted(items, key=_since)
        for place, items in sorted(held.items())
        if len({edge.left for edge in items}) > 1
    }


def _are_one_person(members: Mapping[str, Member], first: Edge, second: Edge) -> bool:
    name, other = members[first.left].name, members[second.left].name
    if name is not None and other is not None:
        return name == other
    # A record that was removed and written anew, not a second person.
    return bool(
        members[first.left].space == members[second.left].space
        and first.is_ended
        and first.until
        and second.since
        and first.until <= second.since
    )


def _shared(
    members: Mapping[str, Member],
    edges: Sequence[Edge],
    groups: Mapping[str, Spell],
    decided: set[str],
) -> tuple[dict[str, str], dict[str, tuple[Spell, ...]]]:
    """Identifiers that join nobody (rule 2), and the spells of those that changed hands."""
    guarded: dict[str, str] = {}
    customers: dict[tuple[str, str], set[Spell]] = defaultdict(set)
    for edge in edges:
        for end, other in ((edge.left, edge.right), (edge.right, edge.left)):
            joins = edge.evidence != DECIDED_TWO
            if joins and members[other].kind == CUSTOMER and members[end].kind != CUSTOMER:
                customers[end, members[other].space].add(groups[other])
    for (name, _), found in customers.items():
        if len(found) > MOST_CUSTOMERS and name not in decided:
            is_address = members[name].kind == EMAIL
            guarded[name] = CROWDED_ADDRESS if is_address else SHARED_CARD
    for (name, _), held in _holdings(members, edges, CONTACT_CARD).items():
        if name not in decided and len({groups[edge.left] for edge in held}) > 1:
            guarded.setdefault(name, SHARED_CARD)
    bounds: dict[str, set[datetime]] = defaultdict(set)
    for (name, _), held in _holdings(members, edges, CONTACT_EMAIL).items():
        if name in guarded or name in decided:
            continue
        changes = _changes_of_hand(held, groups)
        if changes is None:
            guarded[name] = SHARED_ADDRESS
        else:
            bounds[name].update(changes)
    spells = {
        name: _spells(name, sorted(moments))
        for name, moments in bounds.items()
        if moments and name not in guarded
    }
    return guarded, spells


def _changes_of_hand(held: Sequence[Edge], groups: Mapping[str, Spell]) -> list[datetime] | None:
    """When an address went from one customer to the next; None where two had it at once."""
    changes: list[datetime] = []
    holder, until = groups[held[0].left], held[0].until
    for edge in held[1:]:
        if groups[edge.left] == holder:
            until = None if until is None or edge.until is None else max(until, edge.until)
            continue
        if until is None or edge.since is None or edge.since < until:
            return None
        changes.append(until)
        holder, until = groups[edge.left], edge.until
    return changes


def _spells(name: str, moments: Sequence[datetime]) -> tuple[Spell, ...]:
    starts, ends = (None, *moments), (*moments, None)
    return tuple(Spell(name, *bounds) for bounds in zip(starts, ends, strict=True))


def _joined(sets: _Sets, spells: Mapping[str, tuple[Spell, ...]], edge: Edge) -> str | None:
    left, right = _spell_of(spells, edge.left, edge), _spell_of(spells, edge.right, edge)
    if left is None or right is None:
        return CHANGED_HANDS
    return sets.join(left, right)


def _spell_of(spells: Mapping[str, tuple[Spell, ...]], name: str, edge: Edge) -> Spell | None:
    """The spell in which all of the evidence lies."""
    if name not in spells:
        return Spell(name)
    for spell in spells[name]:
        begins = spell.since is None or (edge.since is not None and edge.since >= spell.since)
        ends = spell.until is None or (edge.until is not None and edge.until <= spell.until)
        if begins and ends:
            return spell
    return None


def _gathered(sets: _Sets, nodes: Iterable[Spell]) -> list[list[Spell]]:
    clusters: dict[Spell, list[Spell]] = {}
    for node in nodes:
        clusters.setdefault(sets.root(node), []).append(node)
    return list(clusters.values())
