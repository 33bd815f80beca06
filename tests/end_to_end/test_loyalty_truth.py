"""Loyalty, value, cohorts and claims, worked out again in Python.

The points and campaigns are read from the exports; orders, touches and answers are the published
ones, each of which ``test_company_night`` holds against the exports.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import NamedTuple

import pytest

from tests.end_to_end.night import Night, local_day, moment

SECONDS, DAY = "%d.%m.%Y %H:%M:%S", "%d.%m.%Y"
NOTHING = Decimal(0)


class Movement(NamedTuple):
    """A line of the ledger of points."""

    at: datetime
    card: str
    kind: str
    points: Decimal
    tier: str
    worth: Decimal


class Purchase(NamedTuple):
    """An order document of a known customer that is no test."""

    customer: str
    at: datetime
    day: date
    net: Decimal
    is_counted: bool
    is_member: bool


@pytest.fixture(scope="module")
def movements(night: Night) -> list[Movement]:
    found = [
        Movement(
            moment(row["Tid"], SECONDS),
            row["Kort"],
            row["Hendelse"],
            Decimal(row["Poeng"].replace(".", "")),
            row["Nivå"],
            Decimal(row["Verdi"].replace(",", ".") or 0),
        )
        for row in night.company.office("poengbok")
    ]
    assert len({movement.card for movement in found}) > 15
    return sorted(found)


@pytest.fixture(scope="module")
def purchases(night: Night) -> dict[str, list[Purchase]]:
    """By customer, in time."""
    found = defaultdict(list)
    for row in night.ask(
        "select customer_id, ordered_at, ordered_date, net_amount_reporting, is_counted, "
        "is_member_at_order from orders where customer_id is not null and not is_test "
        "order by ordered_at, order_id"
    ):
        found[row[0]].append(Purchase(*row))
    assert len(found) > 80
    return found


@pytest.fixture(scope="module")
def first_orders(purchases: dict[str, list[Purchase]]) -> dict[str, Purchase]:
    """The first counted order of everybody who has one."""
    first = {c: next((p for p in own if p.is_counted), None) for c, own in purchases.items()}
    return {customer: order for customer, order in first.items() if order}


def _joined(movements: list[Movement], card: str) -> datetime:
    return next(x.at for x in movements if x.card == card and x.kind == "Innmelding")


# --- loyalty programme -----------------------------------------------------------------------


def test_memberships_and_their_points_are_what_the_ledger_of_points_says(
    night: Night, movements: list[Movement]
) -> None:
    """A join or a new tier begins a period; points carry over and are worth what members got."""
    redeemed = [x for x in movements if x.kind == "Uttak"]
    worth = sum((x.worth for x in redeemed), NOTHING) / -sum((x.points for x in redeemed), NOTHING)
    expected = []
    for card in {x.card for x in movements}:
        own = [x for x in movements if x.card == card]
        begins = [x for x in own if x.kind in ("Innmelding", "Nivåbytte")]
        for begin, end in zip(begins, [*(x.at for x in begins[1:]), None], strict=True):
            points = sum((x.points for x in own if end is None or x.at < end), NOTHING)
            place = (f"shop|loyalty|{card}", begin.tier, begin.at, end, end is None)
            expected.append((*place, points, round(points * worth, 4)))
    found = night.ask(
        "select identifier, tier, valid_from, valid_to, is_current, points_balance, "
        "points_balance_value from loyalty_memberships"
    )
    assert len(expected) > len({x.card for x in movements})
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_customer_has_the_tier_and_would_lose_the_points_of_the_card(
    night: Night, movements: list[Movement]
) -> None:
    redeemed = [x for x in movements if x.kind == "Uttak"]
    worth = sum((x.worth for x in redeemed), NOTHING) / -sum((x.points for x in redeemed), NOTHING)
    tiers: dict[str | None, str] = {}
    values: dict[str | None, Decimal] = {}
    for card in {x.card for x in movements}:
        own = [x for x in movements if x.card == card]
        owner = night.owner("loyalty", card, own[-1].at)
        assert owner not in tiers, "the company has nobody with two cards"
        tiers[owner] = next(x.tier for x in reversed(own) if x.tier)
        values[owner] = round(sum((x.points for x in own), NOTHING) * worth, 4)
    found = dict(night.ask("select customer_id, loyalty_tier from customers"))
    assert set(tiers.values()) == {"basic", "silver"}
    assert found == {customer: tiers.get(customer) for customer in found}
    found = dict(night.ask("select customer_id, points_balance_value from customer_relationships"))
    assert found == {customer: values.get(customer) for customer in found}


def test_first_value_is_the_first_order_or_reward(
    night: Night, movements: list[Movement], first_orders: dict[str, Purchase]
) -> None:
    seen = dict(
        night.ask("select customer_id, first_seen_at from customers where first_seen_at notnull")
    )
    rewards: dict[str | None, datetime] = {}
    for x in movements:
        if x.kind == "Uttak":
            rewards.setdefault(night.owner("loyalty", x.card, x.at), x.at)
    ordered = {customer: order.at for customer, order in first_orders.items()}
    orders, values = dict[str, int | None](), dict[str, int | None]()
    for customer, since in seen.items():
        got = [at[customer] for at in (ordered, rewards) if customer in at]
        for days, moments in ((orders, got[: customer in ordered]), (values, got)):
            gap = (local_day(min(moments)) - local_day(since)).days if moments else None
            days[customer] = gap
    found = dict(night.ask("select customer_id, days_to_first_order from customers"))
    assert {c: found[c] for c in orders} == orders
    assert len(set(orders.values())) > 2
    found = dict(night.ask("select customer_id, days_to_first_value from customer_relationships"))
    assert {c: found[c] for c in values} == values
    assert {found[c] for c in found.keys() - seen.keys()} <= {None}


# --- value -----------------------------------------------------------------------------------


def test_value_so_far_is_the_sum_of_a_customers_documents(
    night: Night, purchases: dict[str, list[Purchase]]
) -> None:
    found = {
        customer: tuple(values)
        for customer, *values in night.ask(
            "select customer_id, net_value, order_count from customer_lifetime_values"
        )
    }
    expected = {
        customer: (
            sum((x.net for x in purchases.get(customer, ())), NOTHING),
            sum(x.is_counted for x in purchases.get(customer, ())),
        )
        for customer in found
    }
    assert purchases.keys() <= found.keys()
    assert found == expected
    bought = [values for values in expected.values() if values[1]]
    value, n = night.kpi("customers_mean_value")
    assert n == len(bought)
    assert value == pytest.approx(float(sum(net for net, _ in bought)) / n)


def _purchase_days(purchases: dict[str, list[Purchase]]) -> dict[str, dict[date, Decimal]]:
    """Days with a counted order of which something was kept, with their net value."""
    found = {}
    for customer, own in purchases.items():
        net = {
            day: sum((x.net for x in own if x.day == day), NOTHING) for day in {x.day for x in own}
        }
        counted = {x.day for x in own if x.is_counted}
        days = {day: value for day, value in sorted(net.items()) if day in counted and value > 0}
        if days:
            found[customer] = days
    return found


def test_the_purchase_summary_is_that_of_purchase_days(
    night: Night, purchases: dict[str, list[Purchase]]
) -> None:
    """x, t_x, T and m, of which the forecasts are made."""
    expected = {}
    for customer, days in _purchase_days(purchases).items():
        first, *later = days
        expected[customer] = (
            len(later),
            (max(days) - first).days,
            (night.as_of - first).days,
            round(sum((days[day] for day in later), NOTHING) / len(later), 4) if later else None,
        )
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select customer_id, repeat_purchase_days, recency_days, tenure_days, "
            "mean_repeat_value from customer_lifetime_values where first_purchase_date notnull"
        )
    }
    assert len({repeats for repeats, *_ in expected.values()}) > 3
    assert found == expected


def _quintiles(values: Mapping[str, Decimal | int]) -> dict[str, int]:
    """5 is largest; equals take their mean rank, so that they share a quintile."""
    ordered = sorted(values.values())
    spread = Counter(ordered)
    ranks = {value: ordered.index(value) + (spread[value] + 1) / 2 for value in spread}
    return {c: math.ceil(5 * ranks[value] / len(ordered)) for c, value in values.items()}


def test_the_segment_is_the_word_for_recency_and_frequency(
    night: Night, purchases: dict[str, list[Purchase]]
) -> None:
    words = {
        (int(row["recency_quintile"]), int(row["frequency_quintile"])): row["segment"]
        for row in night.seed("lifetime_value/rfm_segments")
    }
    days = _purchase_days(purchases)
    recency = _quintiles({c: (max(own) - date.min).days for c, own in days.items()})
    frequency = _quintiles({c: len(own) for c, own in days.items()})
    money = _quintiles({c: sum((x.net for x in purchases[c]), NOTHING) for c in days})
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select customer_id, recency_quintile, frequency_quintile, monetary_quintile, segment "
            "from customer_lifetime_values where segment notnull"
        )
    }
    assert found == {
        c: (recency[c], frequency[c], money[c], words[recency[c], frequency[c]]) for c in days
    }
    assert len({row[3] for row in found.values()}) > 4


# --- retention -------------------------------------------------------------------------------


def test_a_customer_is_retained_who_was_there_in_ninety_days(
    night: Night, first_orders: dict[str, Purchase]
) -> None:
    """Only of those who could leave: who first ordered ninety days ago or more."""
    came = {
        customer
        for customer, day in night.ask(
            "select customer_id, occurred_date from interactions "
            "where is_human and direction != 'outbound' and customer_id is not null"
        )
        if (night.as_of - day).days < 90
    }
    found = dict(night.ask("select customer_id, is_retained_90d from customer_relationships"))
    expected = {
        customer: customer in came
        if customer in first_orders and (night.as_of - first_orders[customer].day).days >= 90
        else None
        for customer in found
    }
    assert None in expected.values()
    assert set(expected.values()) != {None}
    assert found == expected


def _month(day: date) -> date:
    return day.replace(day=1)


def _age(month: date, since: date) -> int:
    return 12 * (month.year - since.year) + month.month - since.month


def test_cohorts_are_customers_by_the_month_of_their_first_order(
    night: Night, purchases: dict[str, list[Purchase]], first_orders: dict[str, Purchase]
) -> None:
    sizes = Counter(_month(order.day) for order in first_orders.values())
    present: dict[tuple[date, int], set[str]] = defaultdict(set)
    orders, money = Counter[tuple[date, int]](), defaultdict[tuple[date, int], Decimal](Decimal)
    for customer, first in first_orders.items():
        for x in purchases[customer]:
            place = (_month(first.day), max(0, _age(x.day, _month(first.day))))
            money[place] += x.net
            if x.is_counted:
                orders[place] += 1
                present[place].add(customer)
    expected = {}
    for month, size in sizes.items():
        for age in range(_age(night.as_of, month) + 1):
            place = (month, age)
            stayed = len(present[place])
            expected[place] = (size, stayed, orders[place], money[place], stayed / size)
    found = {
        (month, age): tuple(rest)
        for month, age, *rest in night.ask(
            "select acquisition_month, age_months, customer_count, retained_customers, "
            "order_count, net_revenue, retention_rate from cohorts"
        )
    }
    assert len(sizes) > 2
    assert found == expected


# --- claims about loyalty --------------------------------------------------------------------


def _claim(night: Night, claim: str, form: str) -> tuple[float, int, int]:
    value, members, others = night.one(
        "select value, n_members, n_others from loyalty_effects where claim = ? and form = ?",
        claim,
        form,
    )
    return value, members, others


def _mean(orders: list[Purchase]) -> float:
    return float(sum((x.net for x in orders), NOTHING)) / sum(x.is_counted for x in orders)


def test_what_members_order_for_more_is_the_ratio_of_mean_orders(
    night: Night, purchases: dict[str, list[Purchase]]
) -> None:
    as_member = {c: [x for x in own if x.is_member] for c, own in purchases.items()}
    without = {c: [x for x in own if not x.is_member] for c, own in purchases.items()}

    def buyers(side: dict[str, list[Purchase]]) -> set[str]:
        return {c for c, own in side.items() if any(x.is_counted for x in own)}

    def uplift(who: set[str]) -> float:
        sides = ([x for c in who for x in side[c]] for side in (as_member, without))
        members, others = map(_mean, sides)
        return members / others - 1

    both = buyers(as_member) & buyers(without)
    assert both
    assert _claim(night, "member_order_value", "relative uplift") == (
        pytest.approx(uplift(set(purchases))),
        len(buyers(as_member)),
        len(buyers(without)),
    )
    assert _claim(night, "member_order_value", "relative uplift, same customers") == (
        pytest.approx(uplift(both)),
        len(both),
        len(both),
    )


def test_how_often_members_order_is_counted_by_the_companys_days(
    night: Night,
    movements: list[Movement],
    purchases: dict[str, list[Purchase]],
    first_orders: dict[str, Purchase],
) -> None:
    """Orders after the first, per day as a member and per day without; nobody ever left."""
    joined = {}
    for card in {x.card for x in movements}:
        at = _joined(movements, card)
        joined[night.owner("loyalty", card, at)] = at
    days: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    orders = Counter[bool]()
    for customer, first in first_orders.items():
        known = (night.as_of - first.day).days
        since = max(local_day(joined[customer]), first.day) if customer in joined else None
        days[True][customer] = (night.as_of - since).days if since else 0
        days[False][customer] = known - days[True][customer]
        orders.update(x.is_member for x in purchases[customer] if x.is_counted and x.at > first.at)
    rates = {side: orders[side] / sum(days[side].values()) for side in (True, False)}
    assert orders[True] > 10
    assert _claim(night, "member_frequency", "ratio of orders per year") == (
        pytest.approx(rates[True] / rates[False]),
        sum(number > 0 for number in days[True].values()),
        sum(number > 0 for number in days[False].values()),
    )


# --- claims about engagement -----------------------------------------------------------------


class Standing(NamedTuple):
    """Who had ordered thirty days ago, with days of the ninety before and the thirty after."""

    customers: set[str]
    split: date


@pytest.fixture(scope="module")
def standing(night: Night, first_orders: dict[str, Purchase]) -> Standing:
    split = night.as_of - timedelta(days=30)
    customers = {c for c, order in first_orders.items() if order.day <= split}
    assert len(customers) > 30
    return Standing(customers, split)


def _own_days(night: Night, *kinds: str) -> dict[str, set[date]]:
    """Days on which customers did something of their own accord; of the kinds, where named."""
    found = defaultdict(set)
    for customer, kind, day in night.ask(
        "select customer_id, kind, occurred_date from interactions "
        "where is_human and direction != 'outbound' and customer_id is not null"
    ):
        if not kinds or kind in kinds:
            found[customer].add(day)
    return found


def _before(days: set[date], split: date) -> int:
    return sum(0 <= (split - day).days < 90 for day in days)


def _buyers_after(purchases: dict[str, list[Purchase]], split: date) -> set[str]:
    return {c for c, own in purchases.items() if any(x.is_counted and x.day > split for x in own)}


def _claim_effect(night: Night, claim: str) -> tuple[float, ...]:
    """Mean outcome of the exposed, of the others, and the difference; how many each, and all."""
    return tuple(
        night.one(
            "select exposed_rate, other_rate, effect, n_exposed, n_others, n from claim_effects "
            "where claim = ?",
            claim,
        )
    )


def _counted_effect(
    exposed: set[str], outcome: Mapping[str, float], standing: Standing
) -> tuple[object, ...]:
    """The same by hand; rates to floating point."""
    sides = (standing.customers & exposed, standing.customers - exposed)
    rates = [sum(outcome.get(c, 0) for c in side) / len(side) for side in sides]
    return (
        *map(pytest.approx, (*rates, rates[0] - rates[1])),
        *map(len, sides),
        len(standing.customers),
    )


def test_the_more_engaged_are_those_who_came_on_more_days_than_the_median(
    night: Night, purchases: dict[str, list[Purchase]], standing: Standing
) -> None:
    own = _own_days(night)
    days = {c: _before(own.get(c, set()), standing.split) for c in standing.customers}
    typical = median(days.values())
    exposed = {c for c, number in days.items() if number > typical}
    stayed = dict.fromkeys(_buyers_after(purchases, standing.split), 1.0)
    counted = _counted_effect(exposed, stayed, standing)
    assert _claim_effect(night, "engagement_and_loyalty") == counted


def _verdicts(night: Night, verdict: str) -> dict[str, set[date]]:
    """Days on which customers judged: answers, reviews, calls and verdicts on tickets."""
    found = defaultdict(set)
    for customer, day in night.ask(
        "select customer_id, occurred_date from interactions where is_human and outcome = ? "
        "and customer_id is not null and (kind in ('survey_answered', 'review', 'call') "
        "or record_type = 'ticket')",
        verdict,
    ):
        found[customer].add(day)
    return found


def test_bad_experiences_are_complaints_and_bad_verdicts(
    night: Night, purchases: dict[str, list[Purchase]], standing: Standing
) -> None:
    bad = _verdicts(night, "bad")
    for customer, days in _own_days(night, "ticket_complaint", "email_spam_report").items():
        bad[customer] |= days
    exposed = {c for c, days in bad.items() if _before(days, standing.split)}
    back = dict.fromkeys(_buyers_after(purchases, standing.split), 1.0)
    counted = _counted_effect(exposed, back, standing)
    assert _claim_effect(night, "bad_experience_and_return") == counted


def test_good_experiences_are_good_verdicts_and_are_held_against_money(
    night: Night, purchases: dict[str, list[Purchase]], standing: Standing
) -> None:
    good = _verdicts(night, "good")
    exposed = {c for c, days in good.items() if _before(days, standing.split)}
    spent = {
        c: float(sum((x.net for x in own if x.day > standing.split), NOTHING))
        for c, own in purchases.items()
    }
    counted = _counted_effect(exposed, spent, standing)
    assert _claim_effect(night, "good_experience_and_spend") == counted


def test_content_and_contests_are_held_against_coming_back(
    night: Night, standing: Standing
) -> None:
    content = _own_days(night, "contest_entered", "video_watched")
    exposed = {c for c, days in content.items() if _before(days, standing.split)}
    again = {
        c: 1.0 for c, days in _own_days(night).items() if any(d > standing.split for d in days)
    }
    counted = _counted_effect(exposed, again, standing)
    assert _claim_effect(night, "content_and_attachment") == counted


# --- campaigns -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(night: Night) -> dict[str, dict[str, str]]:
    """Campaigns as marketing lists them."""
    found = {row["Kampanje"]: row for row in night.company.office("kampanjer")}
    assert len(found) > 3
    return found


def test_costs_are_those_that_marketing_lists(
    night: Night, listed: dict[str, dict[str, str]], first_orders: dict[str, Purchase]
) -> None:
    costs = {
        number: Decimal(row["Kostnad"].replace(".", "").replace(",", "."))
        for number, row in listed.items()
    }
    found = dict(night.ask("select campaign_id, cost from campaigns where cost is not null"))
    assert found == costs
    adapted = {number: row["Tilpasset"] == "Ja" for number, row in listed.items()}
    assert set(adapted.values()) == {True, False}
    assert adapted == dict(
        night.ask("select campaign_id, is_personalised from campaigns where cost is not null")
    )
    began = {number: moment(row["Fra"], DAY) for number, row in listed.items()}
    spent = sum(c for n, c in costs.items() if (night.as_of - local_day(began[n])).days < 90)
    won = [c for c, order in first_orders.items() if (night.as_of - order.day).days < 90]
    assert night.kpi("cost_per_new_customer") == (
        pytest.approx(float(spent) / len(won)),
        len(won),
    )
    worth = dict(night.ask("select customer_id, net_value from customer_lifetime_values"))
    value, n = night.kpi("clv_to_acquisition_cost")
    assert n == len(won)
    assert value == pytest.approx(float(sum(worth[c] for c in won)) / float(spent))


def _first_clicks(night: Night) -> dict[str, dict[str, datetime]]:
    """By campaign, the first click of every person in it."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for row in night.rows(
        "select campaign_id, coalesce(customer_id, identifier) as who, occurred_at "
        "from interactions where kind = 'email_click' and is_human and campaign_id is not null "
        "order by occurred_at"
    ):
        found[row["campaign_id"]].setdefault(row["who"], row["occurred_at"])
    return found


def test_answers_before_the_deadline_are_told_from_those_of_its_last_day(
    night: Night, listed: dict[str, dict[str, str]]
) -> None:
    """An offer until a day holds to the end of that day."""
    clicks = _first_clicks(night)
    expected: dict[str, float | None] = {}
    for number, row in listed.items():
        if row["Frist"]:
            last = datetime.strptime(row["Frist"], DAY).date()  # noqa: DTZ007 -- a day has no zone
            days = [local_day(at) for at in clicks[number].values() if local_day(at) <= last]
            expected[number] = sum(day == last for day in days) / len(days) if days else None
    found = dict(
        night.ask(
            "select campaign_id, deadline_response_rate from campaigns where deadline_at notnull"
        )
    )
    assert expected
    assert found == expected
    ends = dict(night.ask("select campaign_id, deadline_at from campaigns where cost notnull"))
    assert {number for number, at in ends.items() if at} == expected.keys()
