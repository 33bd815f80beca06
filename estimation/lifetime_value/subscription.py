"""Shifted beta-geometric: how long contracts last, where leaving is seen (Fader and Hardie 2007,
Journal of Interactive Marketing 21; residual lifetime: Fader and Hardie 2010, Marketing Science
29).

Every customer has a constant chance to leave at each renewal; the chances are beta(a, b)
distributed. Periods are the contract's: months, years. Used where a table of subscriptions exists,
never on purchases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, hyp2f1, psi

from estimation.lifetime_value.maximum_likelihood import FitRefused, Objective, maximise
from estimation.lifetime_value.purchase_summaries import Floats


@dataclass(frozen=True)
class SubscriptionFit:
    """Parameters of the chances to leave (the literature's alpha and beta)."""

    a: float
    b: float
    standard_errors: tuple[float, float]
    log_likelihood: float
    customers: float


def fit_subscriptions(lost: ArrayLike, remaining: ArrayLike) -> SubscriptionFit:
    """Fit to one or more cohorts.

    ``lost``: customers who left at renewal 1, 2, ..., n, shape (n,); ``remaining``: customers last
    seen alive after renewal 0, 1, ..., n, shape (n + 1,), of which 0 carries no information. One
    cohort watched for n renewals has all its survivors in the last place. Raises FitRefused where
    nobody or everybody left at the first renewal, ValueError for shapes that do not fit.
    """
    left, stayed = np.asarray(lost, np.float64), np.asarray(remaining, np.float64)
    if left.ndim != 1 or len(stayed) != len(left) + 1 or (left < 0).any() or (stayed < 0).any():
        raise ValueError(
            f"lost has shape {left.shape} and remaining {stayed.shape}: counts of n renewals "
            "and of n + 1 ages are needed, none negative"
        )
    renewals_survived = stayed[1:].sum() + left[1:].sum()
    if left.sum() == 0 or renewals_survived == 0:
        raise FitRefused(
            f"subscription: {left.sum():.0f} customers left and {renewals_survived:.0f} renewed: "
            "both must be seen to learn a chance of leaving"
        )
    total = float(left.sum() + stayed[1:].sum())
    found = maximise(_objective(left, stayed), np.zeros(2), "subscription")
    a, b = (float(value) for value in np.exp(found.logarithms))
    errors = np.array([a, b]) * np.sqrt(np.diag(found.covariance_per_customer) / total)
    return SubscriptionFit(
        a=a,
        b=b,
        standard_errors=(float(errors[0]), float(errors[1])),
        log_likelihood=found.mean_log_likelihood * total,
        customers=total,
    )


def survival(found: SubscriptionFit, renewals: ArrayLike) -> Floats:
    """Share of a cohort still there after ``renewals`` renewals: B(a, b+t) / B(a, b)."""
    share: Floats = np.exp(
        betaln(found.a, found.b + np.asarray(renewals, np.float64)) - betaln(found.a, found.b)
    )
    return share


def retention(found: SubscriptionFit, renewal: ArrayLike) -> Floats:
    """Share of those who reach renewal number ``renewal`` (1, 2, ...) and stay: it rises."""
    number = np.asarray(renewal, np.float64)
    share: Floats = (found.b + number - 1) / (found.a + found.b + number - 1)
    return share


def discounted_residual_lifetime(
    found: SubscriptionFit, renewals: ArrayLike, discount: float
) -> Floats:
    """Expected discounted number of periods still to be paid, the next renewal included, of
    customers who have renewed ``renewals`` - 1 times and face renewal number ``renewals`` (n >= 1).
    ``discount``: rate per period, > 0.
    """
    n = np.asarray(renewals, np.float64)
    rate: Floats = retention(found, n) * hyp2f1(
        1.0, found.b + n, found.a + found.b + n, 1 / (1 + discount)
    )
    return rate


def _objective(lost: Floats, remaining: Floats) -> Objective:
    """Mean log likelihood of (a, b) over the customers whose first renewal has come."""
    renewal = np.arange(1, len(lost) + 1)
    age = np.arange(len(remaining))[1:]
    stayed = remaining[1:]
    total = float(lost.sum() + stayed.sum())

    def evaluate(logarithms: Floats) -> tuple[float, Floats]:
        a, b = np.exp(logarithms)
        value = lost @ betaln(a + 1, b + renewal - 1) + stayed @ betaln(a, b + age)
        value -= total * betaln(a, b)
        left, there = psi(a + b + renewal), psi(a + b + age)
        both = total * psi(a + b)
        by_a = lost @ (psi(a + 1) - left) + stayed @ (psi(a) - there) - total * psi(a) + both
        by_b = lost @ (psi(b + renewal - 1) - left) + stayed @ (psi(b + age) - there)
        by_b += both - total * psi(b)
        return float(value) / total, np.array([a * by_a, b * by_b]) / total

    return evaluate
