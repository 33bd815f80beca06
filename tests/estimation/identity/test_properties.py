"""What holds for all evidence, and that an incremental night ends where a full one does."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.identity.incremental import Changes, update
from estimation.identity.resolution import Resolution, customer_id, resolve
from estimation.identity.tables import EDGES, IDENTIFIERS
from tests.estimation.identity.evidence import day, edge, identifier, tables

Row = dict[str, object]
Evidence = tuple[list[Row], list[Row]]

KINDS = ("customer", "customer", "customer", "email", "email", "loyalty", "anonymous")


@st.composite
def identifiers(draw: st.DrawFn) -> list[Row]:
    """A dozen identifiers of two sources, some guarded, some without a time."""
    rows = []
    for number in range(draw(st.integers(4, 12))):
        kind = draw(st.sampled_from(KINDS))
        space = "any" if kind == "email" else draw(st.sampled_from(("crm", "shop")))
        is_customer = kind == "customer"
        rows.append(
            identifier(
                f"{space}|{kind}|{number}",
                name_key=draw(st.sampled_from((None, "a", "b"))) if is_customer else None,
                is_contact=is_customer and draw(st.booleans()),
                has_order=draw(st.booleans()),
                guard_reason=None
                if is_customer
                else draw(st.sampled_from((None, None, None, "role mailbox"))),
                first_seen_at=draw(st.sampled_from((None, day(0), day(3), day(9)))),
            )
        )
    return rows


@st.composite
def links(draw: st.DrawFn, known: list[Row], most: int = 16) -> list[Row]:
    """Evidence between them, of the kinds that their types allow."""
    rows = []
    for _ in range(draw(st.integers(0, most))):
        left, right = draw(st.lists(st.sampled_from(known), min_size=2, max_size=2))
        if right["identifier_type"] == "customer":
            left, right = right, left
        kinds = {left["identifier_type"], right["identifier_type"]}
        if left is right or kinds == {"anonymous"}:
            continue
        rows.append(_link(draw, left, right, kinds))
    return rows


def _link(draw: st.DrawFn, left: Row, right: Row, kinds: set[object]) -> Row:
    if kinds == {"customer"}:
        words = ("merge", "merge", "decision_merge", "decision_do_not_merge")
    elif "anonymous" in kinds:
        words = ("login", "email_click")
    elif left["is_contact"] and right["identifier_type"] == "email":
        words = ("contact_email",)
    elif left["is_contact"]:
        words = ("contact_card", "loyalty_card")
    else:
        words = ("order_email", "ticket_email")
    evidence = draw(st.sampled_from(words))
    since = draw(st.integers(0, 40))
    stands = evidence == "contact_email" and draw(st.booleans())
    return edge(
        str(left["identifier"]),
        str(right["identifier"]),
        evidence,
        since,
        None if stands else since + draw(st.integers(0, 20)),
        is_ended=not stands and draw(st.booleans()),
        strength=draw(st.sampled_from((1.0, 0.95))),
    )


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    known = draw(identifiers())
    return known, draw(links(known))


@st.composite
def two_nights(draw: st.DrawFn) -> tuple[Evidence, Evidence]:
    """Evidence, and what is left of it when some is taken away, some added, and a fact changed."""
    known, edges = draw(evidence())
    kept = [row for row in edges if draw(st.integers(0, 9)) > 1]
    changed = list(known)
    place = draw(st.integers(0, len(known) - 1))
    is_customer = known[place]["identifier_type"] == "customer"
    changed[place] = known[place] | {
        "first_seen_at": day(1),
        "guard_reason": None
        if is_customer
        else draw(st.sampled_from((None, "shared by more than 20 customers"))),
    }
    return (known, edges), (changed, kept + draw(links(changed, 4)))


def _changes(before: Evidence, now: Evidence) -> Changes:
    def rest(rows: list[Row], others: list[Row]) -> list[Row]:
        left = Counter(tuple(row.items()) for row in rows)
        left.subtract(Counter(tuple(row.items()) for row in others))
        return [dict(items) for items in (+left).elements()]

    gone, new = rest(before[0], now[0]), rest(now[0], before[0])
    edges = rest(before[1], now[1]) + rest(now[1], before[1])
    return Changes(
        identifiers_gone=pa.Table.from_pylist(gone, schema=IDENTIFIERS),
        identifiers_new=pa.Table.from_pylist(new, schema=IDENTIFIERS),
        edges=pa.Table.from_pylist(edges, schema=EDGES),
    )


def _rows(found: Resolution) -> dict[str, list[Row]]:
    return {
        "assignments": found.assignments.to_pylist(),
        "exclusions": found.exclusions.to_pylist(),
        "blocks": found.blocks.to_pylist(),
    }


@settings(deadline=None)
@given(two_nights())
def test_an_incremental_night_equals_a_full_one(nights: tuple[Evidence, Evidence]) -> None:
    before, now = nights
    first = resolve(*tables(*before))
    second, looked_at = update(first, *tables(*now), _changes(before, now))
    assert _rows(second) == _rows(resolve(*tables(*now)))
    assert looked_at <= len(now[0])


@settings(deadline=None)
@given(two_nights())
def test_taking_evidence_back_ends_as_if_it_had_never_been(
    nights: tuple[Evidence, Evidence],
) -> None:
    before, now = nights
    first = resolve(*tables(*before))
    second, _ = update(first, *tables(*now), _changes(before, now))
    again, _ = update(second, *tables(*before), _changes(now, before))
    assert _rows(again) == _rows(first)


@settings(deadline=None)
@given(evidence(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_show(
    found: Evidence,
    random: Random,
) -> None:
    known, edges = list(found[0]), list(found[1])
    expected = resolve(*tables(known, edges))
    random.shuffle(known)
    random.shuffle(edges)
    assert _rows(resolve(*tables(known, edges))) == _rows(expected)


@settings(deadline=None)
@given(evidence())
def test_a_night_without_news_looks_at_nothing_and_changes_no_id(found: Evidence) -> None:
    first = resolve(*tables(*found))
    second, looked_at = update(first, *tables(*found), _changes(found, found))
    assert _rows(second) == _rows(first)
    assert looked_at == 0


@settings(deadline=None)
@given(evidence())
def test_no_moment_of_an_identifier_is_two_customers(found: Evidence) -> None:
    spells = defaultdict(list)
    for row in resolve(*tables(*found)).assignments.to_pylist():
        spells[row["identifier"]].append((row["valid_from"] or day(-999), row["valid_to"]))
    for times in spells.values():
        times.sort()
        for (_, until), (since, _) in pairwise(times):
            assert until is not None
            assert until <= since


@settings(deadline=None)
@given(evidence())
def test_guarded_identifiers_belong_to_nobody_unless_the_user_says_so(found: Evidence) -> None:
    decided = {
        row[side]
        for row in found[1]
        if row["evidence"] == "decision_merge"
        for side in ("left_identifier", "right_identifier")
    }
    resolution = resolve(*tables(*found))
    guarded = {
        row["identifier"]
        for row in resolution.exclusions.to_pylist()
        if row["other_identifier"] is None and "|anonymous|" not in row["identifier"]
    }
    assigned = set(resolution.assignments["identifier"].to_pylist())
    assert not (guarded - decided) & assigned


@settings(deadline=None)
@given(evidence())
def test_two_contacts_of_a_source_are_one_only_by_merge_name_or_succession(
    found: Evidence,
) -> None:
    """Without those three, no evidence makes one customer of two contact records."""
    known = [row | {"name_key": None} for row in found[0]]
    edges = [
        row | {"is_ended": False}
        for row in found[1]
        if row["evidence"] not in ("merge", "decision_merge")
    ]
    contacts = {row["identifier"] for row in known if row["is_contact"]}
    held: dict[tuple[str, str], int] = Counter()
    for row in resolve(*tables(known, edges)).assignments.to_pylist():
        if row["identifier"] in contacts:
            held[row["customer_id"], row["identifier"].split("|")[0]] += 1
    assert max(held.values(), default=1) == 1


@settings(deadline=None)
@given(evidence())
def test_every_customer_id_is_made_from_one_of_its_own_nodes(found: Evidence) -> None:
    nodes = defaultdict(set)
    for row in resolve(*tables(*found)).assignments.to_pylist():
        nodes[row["customer_id"]].add(customer_id(row["node"]))
    assert all(customer in made for customer, made in nodes.items())
