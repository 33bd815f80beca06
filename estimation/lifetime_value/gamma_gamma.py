"""Gamma-Gamma: what a customer spends per purchase day (Fader, Hardie and Lee 2005, JMR 42; Fader
and Hardie 2013, note 025).

A customer's purchases are gamma(p, nu) with nu ~ gamma(q, v), independent of how often the customer
buys; ``mean`` is the mean value of the ``repeats`` repeat purchase days. The assumption is checked,
not trusted: see `value_correlation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi

from estimation.lifetime_value.geometric_dropout import DistinctValues
from estimation.lifetime_value.maximum_likelihood import FitRefused, Objective, maximise
from estimation.lifetime_value.purchase_summaries import Floats, distinct, sums_at

PARAMETER_NAMES = ("p", "q", "v")
LARGEST_UNREMARKABLE_CORRELATION = 0.15
LARGEST_TOLERABLE_CORRELATION = 0.30


@dataclass(frozen=True, eq=False)
class SpendSummaries:
    """Distinct (x, m) ascending, x >= 1, m > 0 in money, with the customers behind each."""

    repeats: Floats
    mean: Floats
    customers: Floats


@dataclass(frozen=True)
class SpendFit:
    """Parameters of Gamma-Gamma; ``v`` in money. Errors and covariance as in `fitting.Fit`."""

    p: float
    q: float
    v: float
    standard_errors: tuple[float, float, float]
    log_covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    customers: float

    @property
    def population_mean(self) -> float:
        """Expected value of a purchase day of a customer nothing is known of, in money."""
        return self.p * self.v / (self.q - 1)


def summarise_spend(
    repeats: ArrayLike,
    mean: ArrayLike,
    customers: ArrayLike | None = None,
    log_bin: float | None = None,
) -> SpendSummaries:
    """Distinct (x, m) of the customers the model can learn from: x >= 1 and m > 0 (refund-only
    customers and nulls, as nan, are left out). ``log_bin``: round m to the nearest step of this
    width in ln m (0.01: 1 %), for fewer rows.
    """
    x, m = np.asarray(repeats, np.float64), np.asarray(mean, np.float64)
    weights = np.ones(len(x)) if customers is None else np.asarray(customers, np.float64)
    usable = (x >= 1) & (m > 0) & np.isfinite(m)
    x, m, weights = x[usable], m[usable], weights[usable]
    if log_bin is not None:
        m = np.exp(np.round(np.log(m) / log_bin) * log_bin)
    first, inverse = distinct([x, m])
    return SpendSummaries(x[first], m[first], sums_at(inverse, weights, len(first)))


def fit_spend(summaries: SpendSummaries) -> SpendFit:
    """Fit by maximum likelihood. Raises FitRefused without spend, without spread between customers,
    and where q <= 1, at which the expected spend is infinite.
    """
    if summaries.customers.sum() < 2:
        raise FitRefused(
            f"gamma_gamma: {summaries.customers.sum():.0f} customers have a repeat purchase "
            "of positive value: spend needs at least two"
        )
    unit = float(summaries.customers @ summaries.mean / summaries.customers.sum())
    scaled = SpendSummaries(summaries.repeats, summaries.mean / unit, summaries.customers)
    found = maximise(spend_objective(scaled), np.zeros(3), "gamma_gamma")
    p, q, v = (float(value) for value in np.exp(found.logarithms))
    if q <= 1:
        raise FitRefused(
            f"gamma_gamma: q = {q:.4g}, so that the expected spend is infinite: a few customers "
            "spend thousands of times what others do. Fit such customers apart"
        )
    total = float(summaries.customers.sum())
    covariance = found.covariance_per_customer / total
    errors = np.array([p, q, v * unit]) * np.sqrt(np.diag(covariance))
    return SpendFit(
        p=p,
        q=q,
        v=v * unit,
        standard_errors=(float(errors[0]), float(errors[1]), float(errors[2])),
        log_covariance=tuple(tuple(float(value) for value in row) for row in covariance),
        log_likelihood=found.mean_log_likelihood * total - total * float(np.log(unit)),
        customers=total,
    )


def spend_objective(summaries: SpendSummaries) -> Objective:
    """Mean log likelihood and gradient in the logarithms of (p, q, v). Gamma functions depend on x
    alone: they are taken once per distinct x.
    """
    x, m, weights = summaries.repeats, summaries.mean, summaries.customers
    values, positions = np.unique(x, return_inverse=True)
    counts = DistinctValues(
        values, positions.astype(np.int32), sums_at(positions, weights, len(values))
    )
    total = float(weights.sum())
    weighted = weights * x
    log_m, x_log_m = _dot(weights, np.log(m)), _dot(weighted, np.log(m))
    x_log_x = _dot(weighted, np.log(x))

    def evaluate(logarithms: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(logarithms)
        log_sum = np.log(x * m + v)
        one_log_sum, x_log_sum = _dot(weights, log_sum), _dot(weighted, log_sum)
        shape = p * counts.values
        value = (
            counts.customers @ (gammaln(shape + q) - gammaln(shape))
            + total * (q * np.log(v) - gammaln(q))
            + p * (x_log_m + x_log_x)
            - log_m
            - p * x_log_sum
            - q * one_log_sum
        )
        by_p = (counts.customers * counts.values) @ (psi(shape + q) - psi(shape))
        by_p += x_log_m + x_log_x - x_log_sum
        by_q = counts.customers @ psi(shape + q) - total * (psi(q) - np.log(v)) - one_log_sum
        by_v = total * q / v - _dot(p * weighted + q * weights, 1 / (x * m + v))
        return float(value) / total, np.array([p * by_p, q * by_q, v * by_v]) / total

    return evaluate


def expected_value(found: SpendFit, repeats: ArrayLike, mean: ArrayLike) -> Floats:
    """Expected value of a customer's next purchase day, in money: p (v + x m) / (p x + q - 1).

    ``mean`` is ignored where x = 0, and may be nan there: such customers get the population's mean.
    """
    x = np.asarray(repeats, np.float64)
    spent = np.where(x > 0, x * np.where(x > 0, np.asarray(mean, np.float64), 0.0), 0.0)
    expected: Floats = found.p * (found.v + spent) / (found.p * x + found.q - 1)
    return expected


def draw_values(
    random: Generator, found: SpendFit, repeats: ArrayLike, mean: ArrayLike, purchases: ArrayLike
) -> Floats:
    """One draw per row of what ``purchases`` future purchase days are worth together, in money.
    Exact.
    """
    x, count = np.asarray(repeats, np.float64), np.asarray(purchases, np.float64)
    spent = np.where(x > 0, x * np.where(x > 0, np.asarray(mean, np.float64), 0.0), 0.0)
    scale = random.gamma(found.q + found.p * x) / (found.v + spent)
    return np.where(count > 0, random.gamma(np.maximum(found.p * count, 1e-300)) / scale, 0.0)


def value_correlation(summaries: SpendSummaries) -> float:
    """Pearson's correlation of x and m, which the model takes to be zero; 0 where either does not
    vary.

    (CDNOW: 0.11. Above LARGEST_UNREMARKABLE_CORRELATION say so, above LARGEST_TOLERABLE_CORRELATION
    fit segments.)
    """
    columns = np.stack([summaries.repeats, summaries.mean])
    covariance = np.cov(columns, aweights=summaries.customers)
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else 0.0


def _dot(first: Floats, second: Floats) -> float:
    """Sum of products in one order: the linear algebra library would split it over threads."""
    return float(np.einsum("i,i->", first, second))
