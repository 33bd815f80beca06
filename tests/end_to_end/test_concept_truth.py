"""Concepts worked out again in Python, from the published facts that the oracle confirmed one by
one: orders, touches, visits and answers are what the exports say (``test_company_night``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.night import Night, local, local_day


class Touch(NamedTuple):
    """One interaction of a person."""

    customer: str
    kind: str
    channel: str
    direction: str
    engagement_type: str
    at: datetime
    day: date


@pytest.fixture(scope="module")
def as_of(night: Night) -> date:
    return night.as_of


@pytest.fixture(scope="module")
def touches(night: Night, as_of: date) -> dict[str, list[Touch]]:
    """What people did or were sent in the last 365 days, by customer."""
    found = defaultdict(list)
    for row in night.ask(
        "select customer_id, kind, channel, direction, engagement_type, occurred_at, "
        "occurred_date from interactions where is_human and customer_id is not null"
    ):
        touch = Touch(*row)
        if 0 <= (as_of - touch.day).days < 365:
            found[touch.customer].append(touch)
    assert len(found) > 80
    return found


@pytest.fixture(scope="module")
def relations(night: Night) -> dict[str, dict[str, Any]]:
    """``customer_relationships`` by customer."""
    rows = night.rows("select * from customer_relationships")
    return {row["customer_id"]: row for row in rows}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _column(relations: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """A column of ``customer_relationships`` by customer; not the same for everybody."""
    found = {customer: row[name] for customer, row in relations.items()}
    assert len(set(found.values())) > 1
    return found


def _about(expected: dict[str, float | None]) -> dict[str, Any]:
    return {
        customer: None if value is None else pytest.approx(value)
        for customer, value in expected.items()
    }


def test_touches_are_counted_by_whose_they_were(
    as_of: date, touches: dict[str, list[Touch]], relations: dict[str, dict[str, Any]]
) -> None:
    def count(customer: str, direction: str, days: int) -> int:
        return sum(
            touch.direction == direction and (as_of - touch.day).days < days
            for touch in touches.get(customer, [])
        )

    assert _column(relations, "inbound_touches_30d") == _about(
        {c: count(c, "inbound", 30) for c in relations}
    )
    assert _column(relations, "peer_interactions_365d") == _about(
        {c: count(c, "peer", 365) for c in relations}
    )
    assert _column(relations, "dialogue_ratio_90d") == _about(
        {
            c: _share(count(c, "inbound", 90), count(c, "inbound", 90) + count(c, "outbound", 90))
            for c in relations
        }
    )


def test_what_customers_did_of_their_own_accord_is_told_by_kind(
    touches: dict[str, list[Touch]], relations: dict[str, dict[str, Any]]
) -> None:
    own = {
        customer: [touch for touch in touches.get(customer, []) if touch.direction != "outbound"]
        for customer in relations
    }
    assert _column(relations, "non_purchase_touch_share") == _about(
        {c: _share(sum(t.kind != "order" for t in done), len(done)) for c, done in own.items()}
    )
    assert _column(relations, "convenience_share") == _about(
        {
            c: _share(sum(t.engagement_type == "convenience" for t in done), len(done))
            for c, done in own.items()
        }
    )
    assert _column(relations, "contest_entries_365d") == _about(
        {
            c: sum(t.kind in ("contest_entry", "contest_entered") for t in done)
            for c, done in own.items()
        }
    )


def test_rhythm_is_that_of_the_days_on_which_a_customer_came(
    as_of: date, touches: dict[str, list[Touch]], relations: dict[str, dict[str, Any]]
) -> None:
    days = {
        customer: sorted(
            {touch.day for touch in touches.get(customer, []) if touch.direction != "outbound"}
        )
        for customer in relations
    }
    assert _column(relations, "touch_cadence_days") == _about(
        {
            customer: _share((found[-1] - found[0]).days, len(found) - 1) if found else None
            for customer, found in days.items()
        }
    )
    weeks = {
        customer: {day - timedelta(days=day.weekday()) for day in found if (as_of - day).days < 91}
        for customer, found in days.items()
    }
    assert _column(relations, "active_weeks_13w") == _about(
        {c: min(len(found), 13) for c, found in weeks.items()}
    )


def test_the_preferred_hour_is_the_one_in_which_a_customer_answers_most(
    touches: dict[str, list[Touch]], relations: dict[str, dict[str, Any]]
) -> None:
    expected: dict[str, float | None] = {}
    for customer in relations:
        hours = Counter(
            local(touch.at).hour
            for touch in touches.get(customer, [])
            if touch.direction == "inbound"
            and touch.channel in ("email", "push", "sms", "in_app", "web")
            and touch.kind != "email_bounce"
        )
        hour, uses = min(hours.items(), key=lambda item: (-item[1], item[0]), default=(0, 0))
        expected[customer] = hour if uses >= 3 else None
    assert _column(relations, "preferred_hour_local") == _about(expected)


def test_returns_and_discounts_are_those_of_a_years_orders(
    night: Night, as_of: date, relations: dict[str, dict[str, Any]]
) -> None:
    bought = defaultdict(list)
    for customer, day, *order in night.ask(
        "select customer_id, ordered_date, is_counted, gross_amount_reporting, "
        "discount_amount_reporting, refund_amount_reporting from orders "
        "where not is_test and customer_id is not null"
    ):
        if (as_of - day).days < 365:
            bought[customer].append(order)
    assert len(bought) > 80
    gross, discount, refund = (
        {c: sum((order[place] for order in bought[c]), Decimal(0)) for c in relations}
        for place in (1, 2, 3)
    )
    counted = {c: [order for order in bought[c] if order[0]] for c in relations}
    assert _column(relations, "return_rate_365d") == _about(
        {c: _share(float(refund[c]), float(gross[c])) for c in relations}
    )
    assert _column(relations, "discount_share_365d") == _about(
        {c: _share(float(discount[c]), float(gross[c])) for c in relations}
    )
    assert _column(relations, "discount_dependency_365d") == _about(
        {
            c: _share(sum(order[2] > 0 for order in found), len(found))
            for c, found in counted.items()
        }
    )


def test_order_kpis_are_sums_of_the_orders_of_thirty_days(night: Night, as_of: date) -> None:
    net, gross, discount, refund, counted = night.one(
        "select sum(net_amount_reporting), sum(gross_amount_reporting), "
        "sum(discount_amount_reporting), sum(refund_amount_reporting), "
        "count(*) filter (is_counted) from orders where not is_test and ordered_date > ?",
        as_of - timedelta(days=30),
    )
    assert counted > 10
    assert night.kpi("aov") == (pytest.approx(float(net / counted)), counted)
    assert night.kpi("discount_share")[0] == pytest.approx(float(discount / gross))
    assert night.kpi("return_rate")[0] == pytest.approx(float(refund / gross))


def test_buyers_who_came_back_are_counted_among_those_who_could(night: Night, as_of: date) -> None:
    days = defaultdict(set)
    orders = Counter[str]()
    for customer, day in night.ask(
        "select customer_id, ordered_date from orders "
        "where is_counted and customer_id is not null order by ordered_date"
    ):
        days[customer].add(day)
        orders[customer] += (as_of - day).days < 365
    value, n = night.kpi("purchase_frequency")
    buyers = {customer: number for customer, number in orders.items() if number}
    assert value == pytest.approx(sum(buyers.values()) / len(buyers))
    assert n == len(buyers)

    old_enough = [sorted(found) for found in days.values() if (as_of - min(found)).days >= 90]
    again = sum(len(found) > 1 and (found[1] - found[0]).days <= 90 for found in old_enough)
    assert night.kpi("repeat_purchase_rate_90d") == (
        pytest.approx(again / len(old_enough)),
        len(old_enough),
    )


def test_pages_per_session_are_those_of_peoples_visits(night: Night, as_of: date) -> None:
    visits = [
        (pages, is_converted)
        for at, pages, is_converted in night.ask(
            "select started_at, page_views, is_converted from sessions where is_human"
        )
        if 0 <= (as_of - local_day(at)).days < 30
    ]
    assert len(visits) > 50
    pages = sum(page_views for page_views, _ in visits)
    assert night.kpi("pages_per_session") == (pytest.approx(pages / len(visits)), len(visits))
    converted = sum(is_converted for _, is_converted in visits)
    assert night.kpi("session_conversion_rate")[0] == pytest.approx(converted / len(visits))


def test_nps_is_made_of_each_customers_latest_answer(night: Night, as_of: date) -> None:
    latest: dict[str, tuple[Any, float]] = {}
    for customer, score, at in night.ask(
        "select coalesce(customer_id, source || response_id), score, answered_at "
        "from survey_responses where survey_type = 'nps' and score is not null"
    ):
        day = local_day(at)
        if 0 <= (as_of - day).days < 90:
            latest[customer] = max(latest.get(customer, (at, score)), (at, score))
    scores = [score for _, score in latest.values()]
    promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
    value, n = night.kpi("nps")
    assert n == len(scores) >= 10
    assert value == pytest.approx(100 * (promoters - detractors) / len(scores))


def test_a_dialogue_is_both_sides_speaking(night: Night, as_of: date) -> None:
    spoken = {
        (who, channel, direction, day)
        for who, channel, direction, day in night.ask(
            "select coalesce(customer_id, identifier), channel, direction, occurred_date "
            "from interactions where is_human and direction in ('inbound', 'outbound') "
            "and identifier is not null"
        )
        if 0 <= (as_of - day).days < 30
    }
    inbound = sum(direction == "inbound" for _, _, direction, _ in spoken)
    assert 0 < inbound < len(spoken)
    assert night.kpi("dialogue_ratio")[0] == pytest.approx(inbound / len(spoken))


def test_channels_of_ninety_days_make_a_customer_omnichannel(
    night: Night, as_of: date, touches: dict[str, list[Touch]]
) -> None:
    used = {
        customer: {
            touch.channel
            for touch in done
            if touch.direction != "outbound" and (as_of - touch.day).days < 90
        }
        for customer, done in touches.items()
    }
    found = dict(night.ask("select customer_id, channels_used_90d from customers"))
    assert found == {customer: len(used.get(customer, ())) for customer in found}
    assert max(found.values()) > 2


def test_a_touch_point_is_as_bad_as_its_outcomes(night: Night) -> None:
    outcomes = defaultdict(list)
    for kind, outcome in night.ask(
        "select kind, outcome from interactions where outcome is not null"
    ):
        outcomes[kind].append(outcome)
    found = dict(night.ask("select kind, bad_outcome_rate from touch_points"))
    expected = {
        kind: sum(outcome == "bad" for outcome in said) / len(said)
        for kind, said in outcomes.items()
    }
    assert any(expected.values())
    assert {kind: value for kind, value in found.items() if value is not None} == {
        kind: pytest.approx(value) for kind, value in expected.items()
    }


def test_the_closing_rate_is_won_among_closed(night: Night, as_of: date) -> None:
    closed = [
        is_won
        for is_won, at in night.ask(
            "select is_won, closed_at from deals "
            "where is_closed and closed_at is not null and not coalesce(is_deleted, false)"
        )
        if 0 <= (as_of - local_day(at)).days < 90
    ]
    assert closed
    assert night.kpi("closing_rate") == (pytest.approx(sum(closed) / len(closed)), len(closed))


def test_tickets_called_good_are_a_share_of_verdicts(night: Night, as_of: date) -> None:
    verdicts = [
        satisfaction == "good"
        for satisfaction, at in night.ask(
            "select satisfaction, coalesce(resolved_at, created_at) from tickets "
            "where satisfaction is not null"
        )
        if 0 <= (as_of - local_day(at)).days < 90
    ]
    assert 0 < sum(verdicts) < len(verdicts)
    assert night.kpi("ticket_good_share") == (
        pytest.approx(sum(verdicts) / len(verdicts)),
        len(verdicts),
    )
