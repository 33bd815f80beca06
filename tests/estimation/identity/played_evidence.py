"""Evidence by chance: what any night may bring, and what the next may change."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.estimation.identity.evidence import day, edge, identifier

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
