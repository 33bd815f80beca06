"""Contracts: the two cohorts of the literature, and what must hold for any parameters."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.subscription import (
    SubscriptionFit,
    discounted_residual_lifetime,
    fit_subscriptions,
    retention,
    survival,
)


@pytest.mark.parametrize(
    ("there", "parameters", "log_likelihood"),
    [
        ([1000, 631, 468, 382, 326, 289, 262, 241], (0.704, 1.182), -1680.27),
        ([1000, 869, 743, 653, 593, 551, 517, 491], (0.668, 3.806), -1611.16),
    ],
    ids=["regular", "high end"],
)
def test_the_published_cohorts_have_their_published_parameters(
    there: list[int], parameters: tuple[float, float], log_likelihood: float
) -> None:
    still_there = np.zeros(len(there))
    still_there[-1] = there[-1]
    found = fit_subscriptions(-np.diff(there), still_there)
    assert (found.a, found.b) == pytest.approx(parameters, abs=1e-3)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert found.customers == 1000
    # Fitted to all seven renewals, the curve stays within two points of a hundred.
    curve = survival(found, np.arange(len(there)))
    assert curve == pytest.approx(np.array(there) / 1000, abs=0.02)


def test_residual_lifetime_is_the_discounted_sum_of_survival() -> None:
    found = SubscriptionFit(0.668, 3.806, (0.0, 0.0), 0.0, 1000.0)
    for n in (1, 2, 5):
        periods = np.arange(5_000)
        chances = survival(found, n + periods) / survival(found, n - 1)
        by_hand = float((chances / 1.1**periods).sum())
        assert discounted_residual_lifetime(found, n, 0.1) == pytest.approx(by_hand, rel=1e-9)


def test_who_has_stayed_longer_stays_more_surely() -> None:
    found = SubscriptionFit(0.7, 1.2, (0.0, 0.0), 0.0, 10.0)
    rates = retention(found, np.arange(1, 30))
    assert (np.diff(rates) > 0).all()
    assert np.cumprod(rates) == pytest.approx(survival(found, np.arange(1, 30)))


@pytest.mark.parametrize(
    ("lost", "remaining"),
    [([0, 0], [0, 0, 50]), ([50], [0, 0]), ([0], [50, 0])],
    ids=["nobody left", "everybody left at once", "nobody has faced a renewal"],
)
def test_a_cohort_without_both_is_refused(lost: list[int], remaining: list[int]) -> None:
    with pytest.raises(FitRefused, match="subscription"):
        fit_subscriptions(lost, remaining)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="n renewals and of n \\+ 1 ages"):
        fit_subscriptions([1, 2], [3, 4])
