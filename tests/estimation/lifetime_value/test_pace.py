"""Paces come from holdouts that were over, say who buys more, and never move the total."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from estimation.lifetime_value.backtest import backtest
from estimation.lifetime_value.forecasting import Forecast
from estimation.lifetime_value.holdout_measures import count_outcomes
from estimation.lifetime_value.pace import (
    LAST_GROUP,
    MOST,
    Paces,
    Trial,
    at_level,
    group_of,
    learn,
    paced,
    trial,
)
from estimation.lifetime_value.purchase_days import PurchaseDays, arrange, customers_at
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries, summarise
from tests.estimation.lifetime_value.played_customers import play_purchases

GROUPS = LAST_GROUP + 1
LAST_DAY = 400
# So many purchases that the belief in the model weighs nothing.
MANY = 1e9


def one_trial(origin: int, orders: np.ndarray, expected: np.ndarray, horizon: int = 30) -> Trial:
    return Trial("bg_nbd", origin, horizon, expected, orders, expected / 2, orders / 2)


def planted(origin: int, faster: float, size: float = MANY) -> Trial:
    """Group 3 buys so much faster than forecast; all others are forecast rightly."""
    expected = np.full(GROUPS, size)
    orders = expected.copy()
    orders[3] *= faster
    return one_trial(origin, orders, expected)


def some_customers() -> tuple[PurchaseSummaries, Forecast]:
    repeats = np.array([0, 0, 1, 3, 12, 20])
    recency = np.where(repeats > 0, 50.0, 0.0)
    summaries = summarise(repeats, recency, np.array([60, 70, 80, 90, 100, 110]))
    alive = np.array([0.4, 0.3, 0.6, 0.9, 0.95, 1.0])
    future = Forecast(np.array([0.1, 0.1, 0.3, 0.9, 2.0, 4.0]), alive * 0.5, alive)
    return summaries, future


def test_without_history_every_pace_is_one() -> None:
    paces = learn([], "bg_nbd", 30, LAST_DAY)
    assert (paces.orders == 1).all()
    assert (paces.buyers == 1).all()
    assert len(paces.orders) == len(paces.buyers) == GROUPS


def test_a_holdout_that_is_not_over_teaches_nothing() -> None:
    over, running = planted(origin=70, faster=1.3), planted(origin=71, faster=1.3)
    assert learn([over], "bg_nbd", 30, day=100).orders[3] > 1
    assert (learn([running], "bg_nbd", 30, day=100).orders == 1).all()


def test_models_and_horizons_learn_from_their_own_trials_only() -> None:
    others = [
        replace(planted(10, 1.3), model="mbg_nbd"),
        replace(planted(10, 1.3), horizon=90),
    ]
    assert (learn(others, "bg_nbd", 30, LAST_DAY).orders == 1).all()


def test_only_the_latest_four_origins_count() -> None:
    latest = [planted(origin, 1.0) for origin in (100, 130, 160, 190)]
    forgotten = planted(70, 1.4)
    found = learn([forgotten, *latest], "bg_nbd", 30, LAST_DAY)
    assert found.orders == pytest.approx(np.ones(GROUPS))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_planted_pace_is_found_up_to_the_belief_of_two_origins(count: int) -> None:
    trials = [planted(10 + 30 * place, 1.3) for place in range(count)]
    found = learn(trials, "bg_nbd", 30, LAST_DAY).orders
    share = (GROUPS + 0.3) / GROUPS
    weight = count / (count + 2)
    assert found[3] == pytest.approx((1.3 / share) ** weight, rel=1e-6)
    assert np.delete(found, 3) == pytest.approx((1 / share) ** weight, rel=1e-6)


def test_few_purchases_hardly_move_a_pace() -> None:
    """A tenth of the 500 that the belief weighs: half as fast again is 1 + 25 / 550 at most."""
    found = learn([planted(10 + 30 * place, 1.5, 50 / 4) for place in range(4)], "bg_nbd", 30, 400)
    assert 1 < found.orders[3] < 1 + 25 / 550


def test_a_season_that_lifts_all_groups_leaves_paces_at_one() -> None:
    expected = np.linspace(100, 5000, GROUPS)
    christmas = one_trial(10, 1.7 * expected, expected)
    found = learn([christmas], "bg_nbd", 30, LAST_DAY)
    assert found.orders == pytest.approx(np.ones(GROUPS))
    assert found.buyers == pytest.approx(np.ones(GROUPS))


def test_paces_stay_within_their_bounds() -> None:
    trials = [planted(10 + 30 * place, 100.0) for place in range(4)]
    found = learn(trials, "bg_nbd", 30, LAST_DAY).orders
    assert found.max() == MOST
    assert found.min() == 1 / MOST


def test_nothing_bought_and_nothing_forecast_are_no_news() -> None:
    silent = one_trial(10, np.zeros(GROUPS), np.zeros(GROUPS))
    assert (learn([silent], "bg_nbd", 30, LAST_DAY).orders == 1).all()


def test_the_order_of_trials_does_not_matter() -> None:
    trials = [planted(10 + 30 * place, 1 + place / 10) for place in range(4)]
    found = [
        learn(shuffled, "bg_nbd", 30, LAST_DAY).orders
        for shuffled in itertools.permutations(trials)
    ]
    assert len(found) == 24
    assert all((other == found[0]).all() for other in found)


def test_a_trial_counts_what_was_forecast_and_what_came_by_group() -> None:
    summaries, future = some_customers()
    outcomes = count_outcomes(np.array([0, 1, 2, 3, 4, 5]), np.array([1.0, 0, 2, 0, 3, 1]))
    found = trial("bg_nbd", 10, 30, summaries, future, outcomes)
    assert group_of(summaries).tolist() == [0, 0, 1, 3, 12, 12]
    assert found.expected_orders[[0, 1, 3, 12]] == pytest.approx([0.2, 0.3, 0.9, 6.0])
    assert found.orders[[0, 1, 3, 12]].tolist() == [1, 2, 0, 4]
    assert found.buyers[[0, 1, 3, 12]].tolist() == [1, 1, 0, 2]
    assert found.expected_buyers[[0, 1]] == pytest.approx([0.35, 0.3])
    assert found.orders.sum() == 7


def test_a_groups_forecasts_follow_its_pace_and_no_others() -> None:
    summaries, future = some_customers()
    factor = np.ones(GROUPS)
    factor[3] = 1.2
    found = paced(future, summaries, Paces(factor, factor))
    moved = group_of(summaries) == 3
    assert found.expected[moved] == pytest.approx(1.2 * future.expected[moved])
    odds = future.p_any[moved] / (1 - future.p_any[moved])
    assert found.p_any[moved] / (1 - found.p_any[moved]) == pytest.approx(1.2 * odds)
    assert (found.expected[~moved] == future.expected[~moved]).all()


def test_a_probability_stays_below_being_alive_and_below_the_orders() -> None:
    summaries, future = some_customers()
    found = paced(future, summaries, Paces(np.full(GROUPS, 1 / MOST), np.full(GROUPS, 9.0)))
    assert (found.p_any <= found.p_alive).all()
    assert (found.p_any <= found.expected).all()
    assert (found.p_any > 0).all()


def test_the_total_is_brought_to_the_level_and_proportions_stay() -> None:
    summaries, future = some_customers()
    paces = Paces(np.linspace(0.8, 1.2, GROUPS), np.linspace(0.9, 1.1, GROUPS))
    found = at_level(paces, future, summaries, 5.0)
    expected = paced(future, summaries, found).expected
    assert summaries.customers @ expected == pytest.approx(5.0)
    assert found.orders / paces.orders == pytest.approx(np.full(GROUPS, found.orders[0] / 0.8))
    assert found.buyers / paces.buyers == pytest.approx(found.orders / paces.orders)


def test_a_forecast_does_not_know_its_own_holdout() -> None:
    """Whatever is bought after the latest origin, what was forecast from it is the same."""
    purchases = play_purchases(np.random.default_rng(6), customers=800, days=LAST_DAY)
    nothing = cut(purchases, 370)
    origin = max(each.origin for each in evaluations(purchases))
    assert origin == 370
    assert len(customers_at(nothing, 370).places) == len(customers_at(purchases, 370).places)
    for one, other in zip(evaluations(purchases), evaluations(nothing), strict=True):
        assert (one.model, one.origin) == (other.model, other.origin)
        if one.origin == origin:
            assert one.measures.predicted == other.measures.predicted
            assert one.measures.actual > other.measures.actual == 0


def test_evaluated_origins_have_their_own_history() -> None:
    """Four origins of 30 days, each with the four before it: seven complete ones and the latest."""
    purchases = play_purchases(np.random.default_rng(6), customers=800, days=LAST_DAY)
    history = backtest(purchases, LAST_DAY, [MBG_NBD, BG_NBD], horizons=(30,))
    assert sorted({each.origin for each in history.trials}) == list(range(160, 371, 30))
    assert sorted({each.origin for each in history.evaluations}) == [280, 310, 340, 370]


def evaluations(purchases: PurchaseDays):  # type: ignore[no-untyped-def]
    return backtest(purchases, LAST_DAY, [MBG_NBD, BG_NBD], horizons=(30,)).evaluations


def cut(purchases: PurchaseDays, day: int) -> PurchaseDays:
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    kept = purchases.days <= day
    return arrange(number[kept], purchases.days[kept], purchases.values[kept])
