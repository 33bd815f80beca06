"""What holds for all evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.identity.resolution import customer_id, resolve
from tests.estimation.identity.evidence import day, resolved, tables
from tests.estimation.identity.played_evidence import Evidence, evidence


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
    assert resolved(resolve(*tables(known, edges))) == resolved(expected)


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
