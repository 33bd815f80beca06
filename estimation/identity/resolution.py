"""Which identifiers are one customer, and since when.

Deterministic linkage only: two identifiers are one customer when a chain of evidence joins them
that no guard breaks. The customer's id is made from the cluster's oldest identifier, so it stays
the same when identifiers are added, and depends on nothing but the evidence: a rerun without some
evidence ends as if that evidence had never been.

Blocks of evidence are looked into one by one only where something is wrong in them; all others are
components of a graph.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from estimation.identity.block import Edge, Member, Outcome, Spell, resolve_block
from estimation.identity.components import dense_components
from estimation.identity.devices import Ownership, Use, owners_by_link, owners_by_login
from estimation.identity.tables import (
    ANONYMOUS,
    ASSIGNMENTS,
    BEGINNING,
    BLOCKS,
    CLICK,
    CUSTOMER,
    DECIDED,
    DECIDED_ONE,
    DECIDED_TWO,
    EDGES,
    END,
    EXCLUSIONS,
    FORWARDED_LINK,
    IDENTIFIERS,
    MOST_CUSTOMERS,
    MOST_IDENTIFIERS,
    VENDOR_MERGE,
)

NOBODY = -1


class UnknownIdentifier(ValueError):
    """An edge names an identifier that is not in the list of identifiers."""


@dataclass(frozen=True)
class Resolution:
    """``assignments``: ASSIGNMENTS, ``exclusions``: EXCLUSIONS, ``blocks``: BLOCKS, each sorted."""

    assignments: pa.Table
    exclusions: pa.Table
    blocks: pa.Table


def resolve(identifiers: pa.Table, edges: pa.Table, known: pa.Table | None = None) -> Resolution:
    """Assign identifiers to customers.

    ``identifiers``: IDENTIFIERS, each once. ``edges``: EDGES. ``known``: ASSIGNMENTS of identifiers
    that are not to be resolved again but that devices among ``identifiers`` met.

    An identifier with a ``guard_reason`` joins nobody and belongs to nobody, unless the user
    decided otherwise; so does a device that met no customer, unless it placed an order. Raises
    UnknownIdentifier for an edge into nowhere.
    """
    graph = _Graph.of(identifiers.cast(IDENTIFIERS), edges.cast(EDGES), known)
    people = _people(graph)
    devices = _devices(graph, people)
    return Resolution(
        assignments=_assignments(graph, people, devices),
        exclusions=_exclusions(graph, [*people.excluded, *devices.excluded]),
        blocks=_blocks(graph, people.blocks),
    )


@dataclass(frozen=True)
class _Graph:
    """Identifiers by age (number = place in ``names``), then the known ones; edges by number."""

    names: pa.Array
    size: int
    rows: pa.Table
    edges: pa.Table
    left: np.ndarray
    right: np.ndarray
    is_device: np.ndarray
    is_guarded: np.ndarray
    known: pa.Table

    @staticmethod
    def of(identifiers: pa.Table, edges: pa.Table, known: pa.Table | None) -> _Graph:
        rows = identifiers.sort_by(
            [("first_seen_at", "ascending"), ("identifier", "ascending")]
        ).combine_chunks()
        others = ASSIGNMENTS.empty_table() if known is None else known.cast(ASSIGNMENTS)
        own = _one(rows["identifier"])
        strangers = pc.unique(others["identifier"])
        names = pa.concat_arrays([own, strangers.filter(pc.invert(pc.is_in(strangers, own)))])
        left, right = (_positions(edges[f"{side}_identifier"], names) for side in ("left", "right"))
        padding = np.zeros(len(names) - len(own), dtype=bool)
        return _Graph(
            names=names,
            size=len(own),
            rows=rows,
            edges=edges,
            left=left,
            right=right,
            is_device=np.concatenate(
                [_mask(pc.equal(rows["identifier_type"], ANONYMOUS)), padding]
            ),
            is_guarded=np.concatenate([_mask(pc.is_valid(rows["guard_reason"])), padding]),
            known=others,
        )

    def column(self, name: str) -> list[Any]:
        values: list[Any] = self.rows[name].to_pylist()
        return values

    def numbered(self, numbers: np.ndarray) -> Iterable[Edge]:
        """Edges as objects; slow, for the few that have to be looked at one by one."""
        for number, row in zip(
            numbers.tolist(), self.edges.take(pa.array(numbers)).to_pylist(), strict=True
        ):
            yield Edge(
                number=number,
                left=row["left_identifier"],
                right=row["right_identifier"],
                evidence=row["evidence"],
                strength=row["strength"],
                since=row["observed_at"],
                until=row["last_observed_at"],
                is_ended=bool(row["is_ended"]),
            )


# Identifier (its number), the other end or NOBODY, the number of the edge or NOBODY, the reason.
_Excluded = tuple[int, int, int, str]


@dataclass(frozen=True)
class _People:
    """``clusters``: of each identifier, NOBODY where it has none or several; ``spells``: those that
    changed hands, with their clusters; ``anchors``: each cluster's oldest node.
    """

    blocks: np.ndarray
    clusters: np.ndarray
    spells: dict[int, list[tuple[Spell, int]]]
    anchors: list[str]
    excluded: list[_Excluded]


def _people(graph: _Graph) -> _People:
    """Clusters of everything but devices."""
    evidence = graph.edges["evidence"]
    is_decided = _mask(pc.is_in(evidence, pa.array([DECIDED_ONE, DECIDED_TWO])))
    is_merge = _mask(pc.is_in(evidence, pa.array([DECIDED_ONE, VENDOR_MERGE])))
    decided_one = _mask(pc.equal(evidence, DECIDED_ONE))
    is_guarded = graph.is_guarded.copy()
    for ends in (graph.left, graph.right):
        is_guarded[ends[decided_one]] = False
    of_people = ~(graph.is_device[graph.left] | graph.is_device[graph.right])
    stops = is_guarded[graph.left] | is_guarded[graph.right]
    # Of an identifier that is guarded but for the user's decision, only the decision counts.
    stops |= (graph.is_guarded[graph.left] | graph.is_guarded[graph.right]) & ~is_decided
    live = of_people & ~stops
    numbers = np.flatnonzero(live)
    left, right = graph.left[numbers], graph.right[numbers]
    _, blocks = dense_components(left, right, len(graph.names))

    suspects = _suspects(graph, blocks, numbers, is_merge, is_decided)
    clusters = np.where(graph.is_device | is_guarded, NOBODY, blocks.astype(np.int64))
    is_suspect = np.isin(blocks, suspects)
    clusters[is_suspect] = NOBODY
    clusters[graph.size :] = NOBODY
    plain = np.flatnonzero(clusters != NOBODY)
    # Sorted by age: the first place at which a cluster appears is its oldest identifier.
    labels, first = np.unique(clusters[plain], return_index=True)
    oldest = graph.names.take(pa.array(plain[first])).to_pylist()
    places = np.searchsorted(labels, clusters[plain])
    clusters[plain] = places
    names: list[str] = list(oldest)
    excluded = [
        (int(graph.left[number]), int(graph.right[number]), int(number), reason)
        for number, reason in _guards(graph, np.flatnonzero(of_people & stops))
    ]
    reasons = graph.rows["guard_reason"]
    excluded += [
        (int(place), NOBODY, NOBODY, reasons[int(place)].as_py())
        for place in np.flatnonzero(is_guarded & ~graph.is_device)
    ]
    spells: dict[int, list[tuple[Spell, int]]] = {}
    for members, outcome in _outcomes(
        graph, blocks, numbers, is_suspect & ~graph.is_device & ~is_guarded
    ):
        _take_in(graph, members, outcome, clusters, spells, names, excluded)
    return _People(blocks, clusters, spells, names, excluded)


def _guards(graph: _Graph, numbers: np.ndarray) -> Iterable[tuple[int, str]]:
    """Edges into guarded identifiers, with the guard's reason."""
    reasons = graph.rows["guard_reason"]
    for number in numbers:
        ends = (int(graph.left[number]), int(graph.right[number]))
        found = [reasons[end].as_py() for end in ends if end < graph.size]
        yield int(number), next(reason for reason in found if reason)


def _suspects(
    graph: _Graph,
    blocks: np.ndarray,
    numbers: np.ndarray,
    is_merge: np.ndarray,
    is_decided: np.ndarray,
) -> np.ndarray:
    """Blocks that have to be looked into."""
    people = np.flatnonzero(~graph.is_device[: graph.size] & ~graph.is_guarded[: graph.size])
    labels, counts = np.unique(blocks[people], return_counts=True)
    too_large = labels[counts > MOST_IDENTIFIERS]
    merges = numbers[is_merge[numbers]]
    _, merged = dense_components(graph.left[merges], graph.right[merges], len(graph.names))
    spaces = _codes(graph.rows["id_space"])
    is_customer = _mask(pc.equal(graph.rows["identifier_type"], CUSTOMER))
    contacts = np.flatnonzero(_mask(pc.fill_null(graph.rows["is_contact"], False)) & is_customer)
    held = np.unique(
        np.stack([blocks[contacts], spaces[contacts], merged[contacts]], axis=1), axis=0
    )
    _, first, per_space = np.unique(held[:, :2], axis=0, return_index=True, return_counts=True)
    doubled = held[first[per_space > 1], 0]
    crowded = _crowded(graph, blocks, numbers, spaces, is_customer)
    decided = blocks[graph.left[numbers[is_decided[numbers]]]]
    return np.unique(np.concatenate([too_large, doubled, crowded, decided]))


def _crowded(
    graph: _Graph,
    blocks: np.ndarray,
    numbers: np.ndarray,
    spaces: np.ndarray,
    is_customer: np.ndarray,
) -> np.ndarray:
    """Blocks of addresses and cards that more than MOST_CUSTOMERS ids of one source carry."""
    left, right = graph.left[numbers], graph.right[numbers]
    ends = np.concatenate([left, right])
    others = np.concatenate([right, left])
    chosen = is_customer[others] & ~is_customer[ends]
    pairs = np.unique(np.stack([ends[chosen], others[chosen]], axis=1), axis=0)
    places, counts = np.unique(
        np.stack([pairs[:, 0], spaces[pairs[:, 1]]], axis=1), axis=0, return_counts=True
    )
    crowded: np.ndarray = blocks[places[counts > MOST_CUSTOMERS, 0]]
    return crowded


def _outcomes(
    graph: _Graph, blocks: np.ndarray, numbers: np.ndarray, chosen: np.ndarray
) -> Iterable[tuple[list[int], Outcome]]:
    """Every suspicious block, resolved; blocks in the order of their oldest identifier."""
    places = np.flatnonzero(chosen[: graph.size])
    members: dict[int, list[tuple[int, Member]]] = defaultdict(list)
    for place, row in zip(
        places.tolist(), graph.rows.take(pa.array(places)).to_pylist(), strict=True
    ):
        member = Member(
            identifier=row["identifier"],
            kind=row["identifier_type"],
            space=row["id_space"],
            name=row["name_key"],
            is_contact=bool(row["is_contact"]),
        )
        members[int(blocks[place])].append((place, member))
    inside: dict[int, list[Edge]] = defaultdict(list)
    within = numbers[chosen[graph.left[numbers]]]
    for edge in graph.numbered(within):
        inside[int(blocks[graph.left[edge.number]])].append(edge)
    for block, found in members.items():
        yield (
            [place for place, _ in found],
            resolve_block([member for _, member in found], inside[block]),
        )


def _take_in(
    graph: _Graph,
    members: Sequence[int],
    outcome: Outcome,
    clusters: np.ndarray,
    spells: dict[int, list[tuple[Spell, int]]],
    anchors: list[str],
    excluded: list[_Excluded],
) -> None:
    """Write what was found in a block into the tables of all."""
    places = {graph.names[place].as_py(): place for place in members}
    seen = {name: graph.rows["first_seen_at"][place].as_py() for name, place in places.items()}
    for cluster in outcome.clusters:
        number = len(anchors)
        anchors.append(min((_first_seen(spell, seen), node_name(spell)) for spell in cluster)[1])
        for spell in cluster:
            place = places[spell.identifier]
            if spell.since is None and spell.until is None:
                clusters[place] = number
            else:
                spells.setdefault(place, []).append((spell, number))
    for name, reason in outcome.guarded.items():
        excluded.append((places[name], NOBODY, NOBODY, reason))
    for edge, reason in outcome.quarantined.items():
        excluded.append((int(graph.left[edge]), int(graph.right[edge]), edge, reason))


def _first_seen(spell: Spell, seen: dict[str, datetime | None]) -> datetime:
    first = seen[spell.identifier] or END
    return max(first, spell.since) if spell.since else first


def node_name(spell: Spell) -> str:
    """The identifier; with the moment from which on it is another customer's, if there is one."""
    return (
        spell.identifier
        if spell.since is None
        else f"{spell.identifier}|{spell.since:%Y-%m-%dT%H:%M:%S.%f}"
    )


@dataclass(frozen=True)
class _Devices:
    """``owned``: devices with their owners; ``alone``: devices that are customers themselves."""

    owned: list[tuple[int, Ownership]]
    alone: list[int]
    excluded: list[_Excluded]


def _devices(graph: _Graph, people: _People) -> _Devices:
    """Owners of devices, by the customers of the identifiers that were met on them."""
    numbers = np.flatnonzero(graph.is_device[graph.left] ^ graph.is_device[graph.right])
    device = np.where(graph.is_device[graph.left], graph.left, graph.right)[numbers]
    person = np.where(graph.is_device[graph.left], graph.right, graph.left)[numbers]
    owned, is_plain = _plain_devices(graph, people, numbers, device, person)
    slow = ~is_plain[device]
    met, excluded = _met(graph, people, numbers[slow], device[slow], person[slow])
    for who, uses in met.items():
        owners, left_out = _owners(uses)
        owned += [(who, item) for item in owners]
        excluded += [
            (who, what, number, reason) if number != NOBODY else (who, NOBODY, NOBODY, reason)
            for what, number, reason in left_out
        ]
    has_owner = np.zeros(graph.size, dtype=bool)
    has_owner[[who for who, _ in owned]] = True
    reasons = graph.rows["guard_reason"]
    for place in np.flatnonzero((graph.is_device & graph.is_guarded)[: graph.size]):
        excluded.append((int(place), NOBODY, NOBODY, reasons[int(place)].as_py()))
    is_shared = np.zeros(graph.size, dtype=bool)
    is_shared[[who for who, what, _, _ in excluded if what == NOBODY]] = True
    has_order = _mask(graph.rows["has_order"])
    alone = np.flatnonzero(graph.is_device[: graph.size] & has_order & ~has_owner & ~is_shared)
    return _Devices(owned, alone.tolist(), excluded)


def _plain_devices(
    graph: _Graph, people: _People, numbers: np.ndarray, device: np.ndarray, person: np.ndarray
) -> tuple[list[tuple[int, Ownership]], np.ndarray]:
    """Devices on which one customer was met, and nothing else: most of them."""
    evidence = graph.edges["evidence"].take(pa.array(numbers))
    is_odd = _mask(pc.is_in(evidence, pa.array([DECIDED_ONE, DECIDED_TWO])))
    is_odd |= graph.is_guarded[device] | (person >= graph.size)
    is_odd |= np.isin(person, np.fromiter(people.spells, dtype=np.int64, count=len(people.spells)))
    owners = people.clusters[person]
    is_plain = np.ones(len(graph.names), dtype=bool)
    is_plain[device[is_odd]] = False
    pairs = np.unique(np.stack([device, owners], axis=1)[owners != NOBODY], axis=0)
    devices, first, counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    is_plain[devices[counts > 1]] = False
    chosen = is_plain[devices]
    found = zip(devices[chosen].tolist(), pairs[first[chosen], 1].tolist(), strict=True)
    return [(who, Ownership(owner)) for who, owner in found], is_plain


_Met = dict[int, list[tuple[str, Use, int, int]]]


def _met(
    graph: _Graph, people: _People, numbers: np.ndarray, device: np.ndarray, person: np.ndarray
) -> tuple[_Met, list[_Excluded]]:
    """The customers that were met on each device: evidence, use, identifier, edge."""
    known = _known(graph)
    met: _Met = defaultdict(list)
    excluded: list[_Excluded] = []
    for edge, who, what in zip(
        graph.numbered(numbers), device.tolist(), person.tolist(), strict=True
    ):
        owner = _owner(people, known, what, edge.since)
        reason = graph.rows["guard_reason"][who].as_py()
        if reason and edge.evidence != DECIDED_ONE:
            excluded.append((who, what, edge.number, reason))
        elif owner != NOBODY:
            begin = edge.since or BEGINNING
            use = Use(owner, begin, edge.until or begin)
            met[who].append((edge.evidence, use, what, edge.number))
    return met, excluded


def _owners(
    uses: Sequence[tuple[str, Use, int, int]],
) -> tuple[tuple[Ownership, ...], list[tuple[int, int, str]]]:
    """Owners of one device, and evidence that does not count: (identifier, edge, reason)."""
    apart = {use.customer for evidence, use, _, _ in uses if evidence == DECIDED_TWO}
    one = {use.customer for evidence, use, _, _ in uses if evidence == DECIDED_ONE}
    left_out = [
        (what, number, DECIDED)
        for evidence, use, what, number in uses
        if evidence != DECIDED_ONE and (use.customer in apart or (one and use.customer not in one))
    ]
    if len(one) == 1:
        return (Ownership(one.pop()),), left_out
    counted = [item for item in uses if item[1].customer not in apart]
    logins = [item for item in counted if item[0] != CLICK]
    clicks = [item for item in counted if item[0] == CLICK]
    if logins:
        owners, reason = owners_by_login(use for _, use, _, _ in logins)
        present = {use.customer for _, use, _, _ in logins}
        left_out += [
            (what, number, FORWARDED_LINK)
            for _, use, what, number in clicks
            if use.customer not in present
        ]
    elif clicks:
        owners, reason = owners_by_link(use.customer for _, use, _, _ in clicks)
    else:
        return (), left_out
    return owners, left_out + ([(NOBODY, NOBODY, reason)] if reason else [])


# Clusters of identifiers that are not resolved again, numbered below NOBODY.
_Known = dict[int, list[tuple[datetime | None, datetime | None, int]]]


def _known(graph: _Graph) -> _Known:
    places = pc.index_in(graph.known["identifier"], value_set=graph.names).to_pylist()
    customers = _codes(graph.known["customer_id"])
    found: _Known = defaultdict(list)
    for place, customer, since, until in zip(
        places,
        customers.tolist(),
        graph.known["valid_from"].to_pylist(),
        graph.known["valid_to"].to_pylist(),
        strict=True,
    ):
        if place >= graph.size and customer != NOBODY:
            found[place].append((since, until, NOBODY - 1 - customer))
    return found


def _owner(people: _People, known: _Known, place: int, at: datetime | None) -> int:
    """The cluster of an identifier at a moment."""
    if place in people.spells:
        spans = [(spell.since, spell.until, number) for spell, number in people.spells[place]]
    elif place in known:
        spans = known[place]
    else:
        return int(people.clusters[place])
    for since, until, number in spans:
        if (since is None and until is None) or (
            at is not None and (since is None or since <= at) and (until is None or at < until)
        ):
            return number
    return NOBODY


def _assignments(graph: _Graph, people: _People, devices: _Devices) -> pa.Table:
    ids = pa.array([customer_id(name) for name in people.anchors], pa.string())
    plain = np.flatnonzero(people.clusters[: graph.size] != NOBODY)
    names = graph.names.take(pa.array(plain))
    whole = pa.table(
        {
            "identifier": names,
            "node": names,
            "customer_id": ids.take(pa.array(people.clusters[plain])),
            "valid_from": pa.nulls(len(plain), ASSIGNMENTS.field("valid_from").type),
            "valid_to": pa.nulls(len(plain), ASSIGNMENTS.field("valid_to").type),
        },
        schema=ASSIGNMENTS,
    )
    known_ids = _one(graph.known["customer_id"]).dictionary_encode().dictionary

    def of(number: int) -> str:
        text: str = (ids[number] if number > NOBODY else known_ids[NOBODY - 1 - number]).as_py()
        return text

    rows = [
        (spell.identifier, node_name(spell), of(number), spell.since, spell.until)
        for found in people.spells.values()
        for spell, number in found
    ]
    for place, item in devices.owned:
        name = graph.names[place].as_py()
        node = node_name(Spell(name, item.since, item.until))
        rows.append((name, node, of(item.customer), item.since, item.until))
    for place in devices.alone:
        name = graph.names[place].as_py()
        rows.append((name, name, customer_id(name), None, None))
    columns = list(zip(*rows, strict=True)) or [()] * len(ASSIGNMENTS)
    timed = pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, ASSIGNMENTS, strict=True)],
        schema=ASSIGNMENTS,
    )
    return pa.concat_tables([whole, timed]).sort_by(
        [("identifier", "ascending"), ("node", "ascending")]
    )


def _exclusions(graph: _Graph, excluded: Iterable[_Excluded]) -> pa.Table:
    rows = []
    for place, other, number, reason in excluded:
        name = graph.names[place].as_py()
        if number == NOBODY:
            first_seen = graph.rows["first_seen_at"][place].as_py()
            rows.append((name, None, None, None, first_seen, reason))
        else:
            source, evidence, at = (
                graph.edges[column][number].as_py()
                for column in ("source", "evidence", "observed_at")
            )
            rows.append((name, graph.names[other].as_py(), source, evidence, at, reason))
    columns = list(zip(*rows, strict=True)) or [()] * len(EXCLUSIONS)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, EXCLUSIONS, strict=True)],
        schema=EXCLUSIONS,
    ).sort_by([(name, "ascending") for name in EXCLUSIONS.names])


def _blocks(graph: _Graph, blocks: np.ndarray) -> pa.Table:
    """Every identifier with its block, which is named after the block's oldest identifier."""
    own = blocks[: graph.size]
    _, first, places = np.unique(own, return_index=True, return_inverse=True)
    names = graph.names.slice(0, graph.size)
    return pa.table(
        {"identifier": names, "block": names.take(pa.array(first[places]))}, schema=BLOCKS
    ).sort_by("identifier")


def customer_id(node: str) -> str:
    """The id of the customer whose oldest node this is."""
    return "c" + hashlib.sha256(node.encode()).hexdigest()[:20]


def _positions(wanted: pa.ChunkedArray, names: pa.Array) -> np.ndarray:
    places = pc.index_in(wanted, value_set=names)
    if places.null_count:
        missing = pc.filter(wanted, pc.is_null(places))[0].as_py()
        raise UnknownIdentifier(
            f"identity edge into {missing!r}, which is no identifier: int_identity_edges and "
            "int_identifiers disagree"
        )
    return np.asarray(_one(places).to_numpy(zero_copy_only=False), dtype=np.int64)


def _codes(values: pa.ChunkedArray) -> np.ndarray:
    """A number for each value; NOBODY for null."""
    indices = _one(values).dictionary_encode().indices.fill_null(NOBODY)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _mask(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(_one(pc.fill_null(values, False)).to_numpy(zero_copy_only=False), dtype=bool)


def _one(values: pa.ChunkedArray) -> pa.Array:
    joined = values.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined
