"""How fast groups of customers buy, beside what the models say of them: learned from holdouts that
were complete on the day of the forecast.

    pace of a group = (what it bought + 500) / (what was forecast for it + 500), both added up over
                      the latest four complete origins, to the power of origins / (origins + 2),
                      within 1 / 1.5 and 1.5

Groups are the customers with 0, 1, ..., 11 and 12 or more repeat purchase days. A season lifts and
lowers all groups together, so each origin's forecasts are first scaled to what came in total: paces
say who buys more than others, never that all buy more. The level is given from outside: plain
BG/NBD's total of the same day (decision 0019).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.forecasting import Forecast
from estimation.lifetime_value.holdout_measures import Outcomes
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
    sums_at,
)

# The last group: one in forty of CDNOW's customers, one in twenty of Online Retail's.
LAST_GROUP = 12
# As many as the origins that choose the champion: with an origin every 30 days, a third of a year.
ORIGINS = 4
# The belief that the model is right weighs as much as this many purchases, whose number
# chance moves by 4.5 %, ...
BELIEF_PURCHASES = 500.0
# ... and as much as two origins: what one month showed may have been that month's.
BELIEF_ORIGINS = 2.0
# More than half as much again is a model that does not fit, which the gates have to say.
MOST = 1.5


@dataclass(frozen=True, eq=False)
class Trial:
    """What ``model``, as champion, forecast from ``origin`` (days since 1970-01-01) over
    ``horizon`` (days), and what came: orders and customers with any, one entry per group.
    """

    model: str
    origin: int
    horizon: int
    expected_orders: Floats
    orders: Floats
    expected_buyers: Floats
    buyers: Floats


@dataclass(frozen=True, eq=False)
class Paces:
    """By what a group's expected orders, and its odds of any order, are multiplied; shape
    (LAST_GROUP + 1,).
    """

    orders: Floats
    buyers: Floats


def group_of(summaries: PurchaseSummaries) -> Integers:
    """The group of each summary: x, at most LAST_GROUP."""
    return np.minimum(summaries.repeats, LAST_GROUP).astype(np.int64)


def trial(
    model: str,
    origin: int,
    horizon: int,
    summaries: PurchaseSummaries,
    future: Forecast,
    outcomes: Outcomes,
) -> Trial:
    """Add up one origin's forecast and what came by group."""
    group, size = group_of(summaries), LAST_GROUP + 1
    seen = group[outcomes.summary]
    return Trial(
        model=model,
        origin=origin,
        horizon=horizon,
        expected_orders=sums_at(group, summaries.customers * future.expected, size),
        orders=sums_at(seen, outcomes.customers * outcomes.purchases, size),
        expected_buyers=sums_at(group, summaries.customers * future.p_any, size),
        buyers=sums_at(seen, outcomes.customers * (outcomes.purchases > 0), size),
    )


def learn(trials: Iterable[Trial], model: str, horizon: int, day: int) -> Paces:
    """The paces that could be known at the end of ``day`` (days since 1970-01-01): from the latest
    origins whose whole horizon had passed. All 1 where there is none.
    """
    complete = [
        each
        for each in trials
        if (each.model, each.horizon) == (model, horizon) and each.origin + horizon <= day
    ]
    latest = sorted(complete, key=lambda each: each.origin)[-ORIGINS:]
    return Paces(
        orders=_ratios([(each.orders, each.expected_orders) for each in latest]),
        buyers=_ratios([(each.buyers, each.expected_buyers) for each in latest]),
    )


def at_level(paces: Paces, future: Forecast, summaries: PurchaseSummaries, level: float) -> Paces:
    """Paces that also bring the expected orders of all customers to ``level`` in total."""
    total = float((summaries.customers * future.expected) @ paces.orders[group_of(summaries)])
    share = level / total if total > 0 else 1.0
    return Paces(paces.orders * share, paces.buyers * share)


def paced(future: Forecast, summaries: PurchaseSummaries, paces: Paces) -> Forecast:
    """The forecast with every group at its pace. The probability of an order stays at most that of
    being alive, and at most the expected orders.
    """
    group = group_of(summaries)
    expected = future.expected * paces.orders[group]
    odds = paces.buyers[group]
    p_any = future.p_any * odds / (1 - future.p_any + future.p_any * odds)
    return Forecast(
        expected=expected,
        p_any=np.minimum(p_any, np.minimum(future.p_alive, expected)),
        p_alive=future.p_alive,
    )


def _ratios(parts: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Paces of (came, forecast), one pair per origin."""
    came, forecast = np.zeros(LAST_GROUP + 1), np.zeros(LAST_GROUP + 1)
    for actual, expected in parts:
        came += actual
        total = float(expected.sum())
        forecast += expected * (actual.sum() / total if total > 0 else 1.0)
    weight = len(parts) / (len(parts) + BELIEF_ORIGINS)
    ratios = ((came + BELIEF_PURCHASES) / (forecast + BELIEF_PURCHASES)) ** weight
    clipped: Floats = np.clip(ratios, 1 / MOST, MOST)
    return clipped
