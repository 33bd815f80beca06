"""Figures over summaries are those over customers, counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.lifetime_value.holdout_measures import (
    area_under_curve,
    average_rank,
    calibration_groups,
    count_outcomes,
    measure,
    top_decile_lift,
)
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries


def summaries_of(customers: np.ndarray) -> PurchaseSummaries:
    size = len(customers)
    repeats = np.arange(size, dtype=np.float64)
    return PurchaseSummaries(repeats, repeats, np.full(size, 50.0), customers)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=4, max_size=60).filter(
        lambda rows: len({place for place, _ in rows}) > 1
    )
)
def test_figures_over_summaries_are_those_over_customers(rows: list[tuple[int, int]]) -> None:
    places, actual = np.array(rows).T
    customers = np.bincount(places, minlength=6).astype(np.float64)
    expected = np.array([0.1, 0.4, 0.4, 1.5, 2.0, 3.0])
    p_any = np.array([0.05, 0.3, 0.3, 0.6, 0.8, 0.9])
    naive = np.arange(6.0)
    outcomes = count_outcomes(places, actual.astype(np.float64))
    found = measure(summaries_of(customers), expected, p_any, naive, outcomes)
    error = expected[places] - actual
    assert found.customers == len(rows)
    assert found.actual == actual.sum()
    assert found.predicted == pytest.approx(expected[places].sum())
    assert found.mae == pytest.approx(np.abs(error).mean())
    assert found.rmse == pytest.approx(np.sqrt((error**2).mean()))
    assert found.naive_mae == pytest.approx(np.abs(naive[places] - actual).mean())
    assert found.brier == pytest.approx(((p_any[places] - (actual > 0)) ** 2).mean())
    assert found.base_rate == pytest.approx((actual > 0).mean())
    if np.ptp(actual) > 0 and np.ptp(expected[places]) > 0:
        assert found.pearson == pytest.approx(np.corrcoef(expected[places], actual)[0, 1])
        ranks = [average_rank(column, np.ones(len(rows))) for column in (expected[places], actual)]
        assert found.spearman == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_ties_share_the_mean_rank() -> None:
    ranks = average_rank(np.array([3.0, 1.0, 3.0]), np.array([1.0, 2.0, 1.0]))
    assert ranks == pytest.approx([3.5, 1.5, 3.5])


def test_area_under_the_curve_counts_ties_half() -> None:
    score = np.array([1.0, 2.0, 3.0])
    customers, buyers = np.array([2.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0])
    # Of 2 buyers x 3 others: 2 + 0.5 and 3 pairs in the right order.
    assert area_under_curve(score, customers, buyers) == pytest.approx(5.5 / 6)
    assert np.isnan(area_under_curve(score, customers, customers))


def test_the_top_tenth_takes_a_part_of_the_summary_at_its_border() -> None:
    score, customers = np.array([0.1, 0.9]), np.array([80.0, 20.0])
    buyers = np.array([5.0, 15.0])
    assert top_decile_lift(score, customers, buyers) == pytest.approx((7.5 / 10) / (20 / 100))
    assert np.isnan(top_decile_lift(score, customers, np.zeros(2)))


def test_ten_groups_hold_all_customers_and_all_buyers() -> None:
    random = np.random.default_rng(3)
    customers = random.integers(1, 9, 200).astype(np.float64)
    predicted = random.random(200)
    buyers = random.binomial(customers.astype(int), predicted).astype(np.float64)
    groups = np.array(calibration_groups(predicted, customers, buyers))
    assert groups.shape == (10, 2)
    assert groups.mean(axis=0) == pytest.approx(
        [customers @ predicted / customers.sum(), buyers.sum() / customers.sum()]
    )
    assert (np.diff(groups[:, 0]) > 0).all()
