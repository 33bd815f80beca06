from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulation.local_time import DAY, Calendar
from simulation.people import MEMBER_VALUE_UPLIFT, Person, draw_people
from simulation.purchases import Lifetime, Order, draw_purchases

Drawn = tuple[list[Person], list[Order], list[Lifetime]]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    calendar = Calendar(date(2026, 1, 2), date(2026, 6, 30))
    people = draw_people(4000, calendar, seed=2)
    return people, *draw_purchases(people, calendar, seed=2)


def test_members_spend_more_per_order_by_the_planted_share(drawn: Drawn) -> None:
    people, orders, _ = drawn
    ratios: list[list[float]] = [[], []]
    for order in orders:
        person = people[order.person]
        if person.joined_at and order.currency == "NOK" and order.document_type == "sale":
            # Each order against what the person spends on average without membership.
            is_member = order.placed_at >= person.joined_at
            ratios[is_member].append(order.gross / 100 / max(person.mean_value, 1.0))
    before, after = (np.median(values) for values in ratios)
    assert min(map(len, ratios)) > 500
    assert after / before == pytest.approx(MEMBER_VALUE_UPLIFT, abs=0.05)


def test_engaged_people_will_buy_more(drawn: Drawn) -> None:
    people, _, lifetimes = drawn
    alive = [life for life in lifetimes if life.is_alive]
    engagement = [people[life.person].engagement for life in alive]
    future = [life.future_orders for life in alive]
    assert len(alive) > 500
    assert np.corrcoef(engagement, future)[0, 1] > 0.25


def test_expected_orders_are_what_comes_on_average(drawn: Drawn) -> None:
    _, _, lifetimes = drawn
    expected = sum(life.expected_future_orders for life in lifetimes)
    assert sum(life.future_orders for life in lifetimes) == pytest.approx(expected, rel=0.08)


def test_who_dropped_out_buys_no_more(drawn: Drawn) -> None:
    _, orders, lifetimes = drawn
    gone = {life.person: life for life in lifetimes if life.dropped_out_at and not life.is_alive}
    assert len(gone) > 500
    assert all(life.future_orders == 0 for life in gone.values())
    # Orders abroad are moved within their day, never past it.
    late = [
        order
        for order in orders
        if order.person in gone and order.placed_at > gone[order.person].dropped_out_at + DAY
    ]
    assert late == []


def test_rates_and_values_follow_their_distributions(drawn: Drawn) -> None:
    people = [person for person in drawn[0] if person.purchase_rate]
    assert np.mean([person.purchase_rate for person in people]) == pytest.approx(1.1 / 22, rel=0.06)
    dropout = np.mean([person.dropout_probability for person in people])
    assert dropout == pytest.approx(0.9 / 4.4, rel=0.06)
    assert np.mean([person.mean_value for person in people]) == pytest.approx(600, rel=0.08)


def test_every_web_refund_divides_back_into_whole_goods(drawn: Drawn) -> None:
    refunded = [order for order in drawn[1] if order.shop == "shopify" and order.goods_refund]
    assert len(refunded) > 100
    for order in refunded:
        if order.is_full_refund:
            assert order.refunded_amount == order.total
        else:
            back = order.refunded_amount * order.subtotal
            assert back % (order.subtotal + order.tax) == 0
            assert back // (order.subtotal + order.tax) == order.goods_refund < order.subtotal
