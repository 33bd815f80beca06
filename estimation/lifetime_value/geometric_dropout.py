"""The likelihood shared by BG/NBD, MBG/NBD and MBG/CNBD-k, with its exact gradient.

All three say: purchases come at a gamma distributed rate, k Erlang stages apart, and after a
purchase the customer leaves with a beta distributed probability. They differ in whether the first
purchase can be the last (MBG: yes) and in k. With d = 1 where the first purchase can be the last,
else 0:

    ln L = lnG(r+kx) - lnG(r) + r ln alpha - (r+kx) ln(alpha+T)
           + lnB(a, b+x+d) - lnB(a, b) + ln(S1 + S2)
    S1   = a / (b+x-1+d) ((alpha+T) / (alpha+t_x))^(r+kx)          [0 for x = 0 where d = 0]
    S2   = sum over j < k of (r+kx)_j / j! ((T-t_x) / (alpha+T))^j            [1 for k = 1]

(Fader, Hardie and Lee 2005, Marketing Science 24; Fader and Hardie 2013, note 027, for the stable
form; Batislam, Denizel and Filiztekin 2007, IJRM 24; Platzer and Reutterer 2016, Marketing Science
35; Reutterer, Platzer and Schroeder 2021, IJRM 38.) For k > 1 this leaves out the parameter-free
terms, which `regularity` adds to compare different k.

Gamma functions depend on x alone and logarithms on T or t_x alone: they are taken once per distinct
value, and what is left per row is one exponential.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, psi

from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    sums_at,
)

PARAMETER_NAMES = ("r", "alpha", "a", "b")

# Rows per step: intermediate arrays of this length stay in the processor's cache, and are short
# enough for the linear algebra library not to split sums over threads, so that they add up in the
# same order on every machine.
STEP = 1 << 13


@dataclass(frozen=True)
class Dropout:
    """When a customer can leave, and how regular purchases are."""

    after_first: bool
    regularity: int = 1

    @property
    def shift(self) -> int:
        """Chances to leave beyond the x repeat purchases: d of the formulas."""
        return int(self.after_first)


@dataclass(frozen=True, eq=False)
class DistinctValues:
    """A column as its distinct values, the position of each row's value, and the customers at each
    value.
    """

    values: Floats
    positions: NDArray[np.int32]
    customers: Floats


@dataclass(frozen=True, eq=False)
class LikelihoodRows:
    """Summaries arranged for repeated evaluation; ``leavers`` are the rows on which leaving was
    possible.
    """

    customers: float
    repeats: DistinctValues
    recency: DistinctValues
    tenure: DistinctValues
    tenure_repeats: Floats
    weights: Floats
    leavers: slice


def arrange(summaries: PurchaseSummaries, dropout: Dropout) -> LikelihoodRows:
    """Arrange sorted summaries for `log_likelihood`; O(rows)."""
    weights = summaries.customers
    tenure = _distinct_values(summaries.tenure, weights)
    stayers = 0 if dropout.after_first else int(np.searchsorted(summaries.repeats, 1.0))
    return LikelihoodRows(
        customers=float(weights.sum()),
        repeats=_distinct_values(summaries.repeats, weights),
        recency=_distinct_values(summaries.recency, weights),
        tenure=tenure,
        tenure_repeats=sums_at(tenure.positions, weights * summaries.repeats, len(tenure.values)),
        weights=weights,
        leavers=slice(stayers, len(weights)),
    )


def log_likelihood(
    dropout: Dropout, rows: LikelihoodRows, parameters: Floats
) -> tuple[float, Floats]:
    """Log likelihood of all customers, and its gradient in (r, alpha, a, b), all positive.

    ``alpha`` in the unit of the rows' time.
    """
    r, alpha, a, b = (float(value) for value in parameters)
    weight, tenure = rows.customers, rows.tenure
    shape = r + dropout.regularity * rows.repeats.values
    counts = rows.repeats.customers
    chances = b + rows.repeats.values + dropout.shift
    log_tenure = np.log(alpha + tenure.values)
    exponents = tenure.customers * r + dropout.regularity * rows.tenure_repeats
    value = (
        counts @ (gammaln(shape) + gammaln(chances) - gammaln(a + chances))
        + weight * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b))
        - exponents @ log_tenure
    )
    gradient = np.array(
        [
            counts @ psi(shape) + weight * (np.log(alpha) - psi(r)) - tenure.customers @ log_tenure,
            weight * r / alpha - exponents @ (1 / (alpha + tenure.values)),
            weight * psi(a + b) - counts @ psi(a + chances),
            weight * (psi(a + b) - psi(b)) + counts @ (psi(chances) - psi(a + chances)),
        ]
    )
    left_value, left_gradient = _of_leaving(dropout, rows, parameters)
    return float(value + left_value), gradient + left_gradient


def log_likelihood_of_each(
    dropout: Dropout, repeats: Floats, recency: Floats, tenure: Floats, parameters: Floats
) -> Floats:
    """Log likelihood of each row (not weighted): for reading and for tests, not for fitting."""
    r, alpha, a, b = (float(value) for value in parameters)
    shape = r + dropout.regularity * repeats
    chances = b + repeats + dropout.shift
    odds = leaving_log_odds(dropout, parameters, repeats, recency, tenure)
    stages = log_stages(dropout, shape, recency, tenure, alpha)
    value: Floats = (
        gammaln(shape)
        - gammaln(r)
        + r * np.log(alpha)
        - shape * np.log(alpha + tenure)
        + gammaln(a + b)
        - gammaln(b)
        + gammaln(chances)
        - gammaln(a + chances)
        + stages
        + np.logaddexp(0, odds)
    )
    return value


def p_alive(
    dropout: Dropout, parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats
) -> Floats:
    """Probability that the customer has not left by T: 1 / (1 + S1 / S2), in [0, 1].

    (Fader and Hardie 2008, note 021.) BG/NBD's 1 for customers with x = 0 is its assumption, not a
    finding.
    """
    alive: Floats = expit(-leaving_log_odds(dropout, parameters, repeats, recency, tenure))
    return alive


def leaving_log_odds(
    dropout: Dropout, parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats
) -> Floats:
    """ln(S1 / S2) of each row: minus infinity where the customer cannot have left."""
    r, alpha, a, b = (float(value) for value in parameters)
    shape = r + dropout.regularity * repeats
    can_leave = np.broadcast_to((repeats > 0) | dropout.after_first, np.shape(shape + tenure))
    with np.errstate(divide="ignore"):
        chance = np.log(a) - np.log(np.where(can_leave, b + repeats - 1 + dropout.shift, 1.0))
    odds = chance + shape * np.log1p((tenure - recency) / (alpha + recency))
    odds = odds - log_stages(dropout, shape, recency, tenure, alpha)
    return np.where(can_leave, odds, -np.inf)


def log_stages(
    dropout: Dropout, shape: Floats, recency: Floats, tenure: Floats, alpha: float
) -> Floats:
    """ln S2 of each row: 0 for k = 1."""
    logs: Floats = np.log(stage_terms(dropout, shape, recency, tenure, alpha).sum(axis=0))
    return logs


def stage_terms(
    dropout: Dropout, shape: Floats, recency: Floats, tenure: Floats, alpha: float
) -> Floats:
    """The terms of S2, shape (k, rows): how likely j of the k stages to the next purchase have
    passed, unnormed.
    """
    share = (tenure - recency) / (alpha + tenure)
    terms = [np.ones(np.shape(shape + share))]
    for stage in range(1, dropout.regularity):
        terms.append(terms[-1] * (shape + stage - 1) / stage * share)
    return np.stack(terms)


def _of_leaving(dropout: Dropout, rows: LikelihoodRows, parameters: Floats) -> tuple[float, Floats]:
    """Sum of ln(S1 + S2) over the rows, and its gradient."""
    r, alpha, a, b = (float(value) for value in parameters)
    repeats = rows.repeats.values
    shape = r + dropout.regularity * repeats
    denominators = b + repeats - 1 + dropout.shift
    # Where x = 0 cannot leave, its row is never looked up.
    chance = np.log(a) - np.log(np.where(denominators > 0, denominators, 1.0))
    log_tenure, log_recency = (
        np.log(alpha + column.values) for column in (rows.tenure, rows.recency)
    )
    value, left = 0.0, np.zeros(len(repeats))
    gradient = np.zeros(4)
    start = 0 if dropout.regularity > 1 else rows.leavers.start
    for begin in range(start, len(rows.weights), STEP):
        part = slice(begin, begin + STEP)
        x, t, s = (column.positions[part] for column in (rows.repeats, rows.tenure, rows.recency))
        weight = rows.weights[part]
        gap = log_tenure[t] - log_recency[s]
        odds = chance[x] + shape[x] * gap
        if dropout.regularity > 1:
            stages = _stages_with_slopes(dropout, rows, part, shape[x], alpha)
            odds -= stages[0]
            odds[: max(0, rows.leavers.start - begin)] = -np.inf
            value += float(weight @ stages[0])
        decay = np.exp(-np.abs(odds))
        value += float(weight @ (np.maximum(odds, 0) + np.log1p(decay)))
        share = weight * np.where(odds >= 0, 1.0, decay) / (1 + decay)
        left += sums_at(x, share, len(repeats))
        slope = 1 / (alpha + rows.tenure.values[t]) - 1 / (alpha + rows.recency.values[s])
        gradient[0] += share @ gap
        gradient[1] += share @ (shape[x] * slope)
        if dropout.regularity > 1:
            gradient[:2] += (weight - share) @ stages[1].T
    gradient[2] = left.sum() / a
    gradient[3] = -(left @ (1 / np.where(denominators > 0, denominators, 1.0)))
    return value, gradient


def _stages_with_slopes(
    dropout: Dropout, rows: LikelihoodRows, part: slice, shape: Floats, alpha: float
) -> tuple[Floats, Floats]:
    """ln S2 of some rows, and its derivatives in r and alpha, shape (2, rows)."""
    tenure = rows.tenure.values[rows.tenure.positions[part]]
    recency = rows.recency.values[rows.recency.positions[part]]
    terms = stage_terms(dropout, shape, recency, tenure, alpha)
    total = terms.sum(axis=0)
    stages = np.arange(dropout.regularity)[:, None]
    by_r = (terms * (psi(shape + stages) - psi(shape))).sum(axis=0)
    by_alpha = -(terms * stages).sum(axis=0) / (alpha + tenure)
    return np.log(total), np.stack([by_r, by_alpha]) / total


def _distinct_values(column: Floats, weights: Floats) -> DistinctValues:
    values, positions = np.unique(column, return_inverse=True)
    return DistinctValues(
        values, positions.astype(np.int32), sums_at(positions, weights, len(values))
    )
