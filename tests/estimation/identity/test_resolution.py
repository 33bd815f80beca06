"""Who is one customer, case by case."""

from __future__ import annotations

import pytest

from estimation.identity.resolution import UnknownIdentifier, customer_id, resolve
from estimation.identity.tables import (
    CHANGED_HANDS,
    CROWDED_ADDRESS,
    DECIDED,
    FORWARDED_LINK,
    MANY_LINKS,
    OVERSIZE,
    SHARED_ADDRESS,
    SHARED_CARD,
    SHARED_DEVICE,
    TWO_CUSTOMERS,
)
from tests.estimation.identity.evidence import (
    day,
    edge,
    identifier,
    of,
    owners,
    reasons,
    tables,
    together,
)

ANN, BOB = "crm|customer|ann", "crm|customer|bob"
SHOP_ANN, SHOP_BOB = "shop|customer|shop-ann", "shop|customer|shop-bob"
ADDRESS, OTHER_ADDRESS = "any|email|address", "any|email|other"
DEVICE, CARD = "shop|anonymous|device", "shop|loyalty|card"


def named(text: str) -> dict[str, object]:
    return {"name_key": text}


def test_a_chain_of_evidence_is_one_customer() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, ADDRESS, "contact_email"),
                edge(SHOP_ANN, ADDRESS, "order_email", 3, 9),
                edge(SHOP_ANN, CARD, "loyalty_card", 4, 4),
                edge(SHOP_ANN, DEVICE, "login", 5, 6),
            ]
        )
    )
    assert together(found) == {frozenset({"ann", "shop-ann", "address", "card", "device"})}
    assert reasons(found) == {}


def test_an_address_that_two_contacts_have_at_once_joins_nobody() -> None:
    found = resolve(
        *of([edge(ANN, ADDRESS, "contact_email", 0), edge(BOB, ADDRESS, "contact_email", 5)])
    )
    assert together(found) == {frozenset({"ann"}), frozenset({"bob"})}
    assert reasons(found) == dict.fromkeys(
        ["address", "ann-address", "bob-address"], SHARED_ADDRESS
    )


def test_two_records_of_one_name_at_one_address_are_one_person() -> None:
    edges = [edge(ANN, ADDRESS, "contact_email", 0), edge(BOB, ADDRESS, "contact_email", 5)]
    found = resolve(*of(edges, ann=named("k"), bob=named("k")))
    assert together(found) == {frozenset({"ann", "bob", "address"})}
    found = resolve(*of(edges, ann=named("k"), bob=named("l")))
    assert together(found) == {frozenset({"ann"}), frozenset({"bob"})}


def test_a_shared_address_still_tells_which_records_bear_the_same_name() -> None:
    found = resolve(
        *of(
            [edge(who, ADDRESS, "contact_email") for who in (ANN, BOB, SHOP_ANN, SHOP_BOB)],
            **{
                "ann": named("a"),
                "shop-ann": named("a"),
                "bob": named("b"),
                "shop-bob": named("b"),
            },
        )
    )
    assert together(found) == {frozenset({"ann", "shop-ann"}), frozenset({"bob", "shop-bob"})}


def test_the_successor_in_a_job_gets_the_address_and_not_the_history() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, ADDRESS, "contact_email", 0, 10),
                edge(ANN, OTHER_ADDRESS, "contact_email", 10),
                edge(BOB, ADDRESS, "contact_email", 20),
                edge(SHOP_ANN, ADDRESS, "order_email", 2, 4),
                edge(SHOP_BOB, ADDRESS, "order_email", 21, 25),
            ]
        )
    )
    assert owners(found, ADDRESS) == [("ann", None, 10), ("bob", 10, None)]
    assert together(found) == {
        frozenset({"ann", "shop-ann", "address", "other"}),
        frozenset({"bob", "shop-bob", "address"}),
    }


def test_evidence_over_a_change_of_hands_says_nothing() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, ADDRESS, "contact_email", 0, 10),
                edge(ANN, OTHER_ADDRESS, "contact_email", 10),
                edge(BOB, ADDRESS, "contact_email", 20),
                edge(SHOP_ANN, ADDRESS, "order_email", 2, 25),
            ]
        )
    )
    assert frozenset({"shop-ann"}) in together(found)
    assert reasons(found) == {"shop-ann-address": CHANGED_HANDS}


def test_a_record_removed_and_written_anew_is_the_same_person() -> None:
    edges = [
        edge(ANN, ADDRESS, "contact_email", 0, 10, is_ended=True),
        edge(BOB, ADDRESS, "contact_email", 12),
    ]
    assert together(resolve(*of(edges))) == {frozenset({"ann", "bob", "address"})}
    found = resolve(*of(edges, ann=named("a"), bob=named("b")))
    assert owners(found, ADDRESS) == [("ann", None, 10), ("bob", 10, None)]


def test_what_the_vendor_merged_is_one_customer_and_what_it_split_is_two() -> None:
    edges = [edge(ANN, ADDRESS, "contact_email"), edge(BOB, OTHER_ADDRESS, "contact_email")]
    merged = resolve(*of([*edges, edge(ANN, BOB, "merge", 5, 5)]))
    assert together(merged) == {frozenset({"ann", "bob", "address", "other"})}
    assert together(resolve(*of(edges))) == {
        frozenset({"ann", "address"}),
        frozenset({"bob", "other"}),
    }


def test_nothing_joins_two_contacts_of_one_source() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, ADDRESS, "contact_email"),
                edge(BOB, OTHER_ADDRESS, "contact_email"),
                edge(SHOP_ANN, ADDRESS, "order_email", 1, 1),
                edge(SHOP_ANN, OTHER_ADDRESS, "order_email", 8, 8),
            ],
            **{"shop-ann": {"is_contact": False}},
        )
    )
    assert together(found) == {
        frozenset({"ann", "address", "shop-ann"}),
        frozenset({"bob", "other"}),
    }
    assert reasons(found) == {"shop-ann-other": TWO_CUSTOMERS}


def test_a_card_of_two_contacts_joins_nobody() -> None:
    found = resolve(*of([edge(who, CARD, "contact_card") for who in (SHOP_ANN, SHOP_BOB)]))
    assert reasons(found)["card"] == SHARED_CARD
    assert together(found) == {frozenset({"shop-ann"}), frozenset({"shop-bob"})}


def test_an_address_of_four_accounts_is_guarded_and_of_three_is_not() -> None:
    def shop(count: int) -> list[dict[str, object]]:
        return [
            edge(f"shop|customer|{number}", ADDRESS, "order_email", number, number)
            for number in range(count)
        ]

    guests = {str(number): {"is_contact": False} for number in range(4)}
    three = resolve(*of(shop(3), **guests))
    assert together(three) == {frozenset({"0", "1", "2", "address"})}
    four = resolve(*of(shop(4), **guests))
    assert len(together(four)) == 4
    assert reasons(four)["address"] == CROWDED_ADDRESS


def test_a_guarded_identifier_joins_nobody_and_says_why() -> None:
    role = {"guard_reason": "role mailbox"}
    found = resolve(
        *of(
            [edge(ANN, ADDRESS, "ticket_email"), edge(SHOP_BOB, ADDRESS, "order_email")],
            address=role,
        )
    )
    assert together(found) == {frozenset({"ann"}), frozenset({"shop-bob"})}
    assert set(reasons(found).values()) == {"role mailbox"}
    assert len(found.exclusions) == 3


def test_a_cluster_larger_than_a_person_keeps_only_what_is_certain() -> None:
    edges = [edge(ANN, "crm|customer|again", "merge", 0, 0)]
    for number in range(60):
        left = ANN if number == 0 else f"any|email|{number - 1}"
        kind = "contact_email" if number == 0 else "ticket_email"
        chain = f"any|email|{number}"
        middle = f"shop|customer|{number}"
        if number:
            edges += [edge(middle, left, kind, 1, 1), edge(middle, chain, kind, 1, 1)]
        else:
            edges.append(edge(ANN, chain, kind))
    found = resolve(*of(edges, **{str(n): {"is_contact": False} for n in range(60)}))
    assert frozenset({"ann", "again"}) in together(found)
    assert max(len(members) for members in together(found)) == 2
    assert set(reasons(found).values()) == {OVERSIZE}


def test_a_handed_down_device_belongs_to_each_in_their_time() -> None:
    found = resolve(*of([edge(ANN, DEVICE, "login", 5, 10), edge(BOB, DEVICE, "login", 20, 30)]))
    assert owners(found, DEVICE) == [("ann", None, 10), ("bob", 20, None)]
    assert together(found) == {frozenset({"ann", "device"}), frozenset({"bob", "device"})}


def test_a_shared_device_is_nobodys_while_two_use_it() -> None:
    found = resolve(*of([edge(ANN, DEVICE, "login", 5, 20), edge(BOB, DEVICE, "login", 10, 30)]))
    assert owners(found, DEVICE) == [("ann", None, 10), ("bob", 20, None)]
    assert reasons(found) == {"device": SHARED_DEVICE}


def test_a_device_of_four_customers_is_nobodys() -> None:
    found = resolve(
        *of([edge(f"shop|customer|{n}", DEVICE, "login", 10 * n, 10 * n + 1) for n in range(4)])
    )
    assert owners(found, DEVICE) == []


def test_a_device_of_two_ids_of_one_customer_is_not_shared() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, "crm|customer|again", "merge", 0, 0),
                edge(ANN, DEVICE, "login", 5, 20),
                edge("crm|customer|again", DEVICE, "login", 10, 30),
            ]
        )
    )
    assert together(found) == {frozenset({"ann", "again", "device"})}
    assert reasons(found) == {}


def test_a_forwarded_link_says_nothing() -> None:
    found = resolve(
        *of(
            [
                edge(ANN, ADDRESS, "contact_email"),
                edge(BOB, OTHER_ADDRESS, "contact_email"),
                edge(BOB, DEVICE, "login", 5, 9),
                edge(ADDRESS, DEVICE, "email_click", 7, 7),
                edge(ADDRESS, "shop|anonymous|alone", "email_click", 7, 7),
                edge(ADDRESS, "shop|anonymous|both", "email_click", 7, 7),
                edge(OTHER_ADDRESS, "shop|anonymous|both", "email_click", 8, 8),
            ]
        )
    )
    assert together(found) == {
        frozenset({"ann", "address", "alone"}),
        frozenset({"bob", "other", "device"}),
    }
    assert reasons(found) == {"device-address": FORWARDED_LINK, "both": MANY_LINKS}


def test_a_browser_without_a_customer_is_one_only_if_it_ordered() -> None:
    found = resolve(
        *tables([identifier(DEVICE, has_order=True), identifier("shop|anonymous|looker")], [])
    )
    assert together(found) == {frozenset({"device"})}


def test_the_users_word_goes_before_everything() -> None:
    edges = [
        edge(ANN, ADDRESS, "contact_email"),
        edge(SHOP_ANN, ADDRESS, "order_email", 1, 1),
        edge(ANN, BOB, "merge", 2, 2),
    ]
    apart = resolve(*of([*edges, edge(ANN, BOB, "decision_do_not_merge")]))
    assert together(apart) == {frozenset({"ann", "address", "shop-ann"}), frozenset({"bob"})}
    assert reasons(apart) == {"ann-bob": DECIDED}
    away = resolve(*of([*edges, edge(SHOP_ANN, ANN, "decision_do_not_merge")]))
    assert frozenset({"shop-ann"}) in together(away)
    role = {"guard_reason": "role mailbox"}
    one = resolve(*of([*edges[:2], edge(ANN, ADDRESS, "decision_merge")], address=role))
    assert together(one) == {frozenset({"ann", "address"}), frozenset({"shop-ann"})}


def test_a_decision_holds_for_devices_too() -> None:
    edges = [edge(ANN, DEVICE, "login", 5, 20), edge(BOB, DEVICE, "login", 10, 30)]
    given = resolve(*of([*edges, edge(ANN, DEVICE, "decision_merge")]))
    assert owners(given, DEVICE) == [("ann", None, None)]
    kept = resolve(*of([*edges, edge(ANN, DEVICE, "decision_do_not_merge")]))
    assert owners(kept, DEVICE) == [("bob", None, None)]


def test_the_id_stays_when_identifiers_are_added_and_earlier_ids_lead_to_it() -> None:
    old = {"shop-ann": {"first_seen_at": day(-5)}}
    before = resolve(*of([edge(SHOP_ANN, ADDRESS, "order_email", 1, 1)], **old))
    after = resolve(
        *of(
            [
                edge(SHOP_ANN, ADDRESS, "order_email", 1, 1),
                edge(ANN, ADDRESS, "contact_email", 3),
                edge(SHOP_ANN, DEVICE, "login", 3, 3),
            ],
            **old,
        )
    )
    assert {row["customer_id"] for row in before.assignments.to_pylist()} == {
        row["customer_id"] for row in after.assignments.to_pylist()
    }
    redirects = {
        customer_id(row["node"]): row["customer_id"] for row in after.assignments.to_pylist()
    }
    assert redirects[customer_id(ANN)] == customer_id(SHOP_ANN)


def test_an_edge_into_nowhere_is_an_error() -> None:
    with pytest.raises(UnknownIdentifier, match="address"):
        resolve(*tables([identifier(ANN)], [edge(ANN, ADDRESS, "contact_email")]))


def test_no_evidence_is_no_customer() -> None:
    found = resolve(*tables([], []))
    assert len(found.assignments) == len(found.exclusions) == len(found.blocks) == 0
