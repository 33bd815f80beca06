"""What comes next for a customer under a beta-geometric dropout: the predictive side of
`geometric_dropout`.

A customer with x, t_x and T who is alive has a rate ~ gamma(r + kx + j, alpha + T), where j of the
k Erlang stages to the next purchase have passed, and leaves after a purchase with p ~ beta(a, b + x
+ d). For k = 1 nothing but P(alive) depends on t_x.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.special import betainc, betaln

from estimation.lifetime_value import geometric_dropout
from estimation.lifetime_value.expected_purchases import purchases_if_alive as one_stage
from estimation.lifetime_value.geometric_dropout import Dropout, stage_terms
from estimation.lifetime_value.purchase_summaries import Floats, distinct

# The expected count of k > 1 is a sum of probabilities; it ends where one adds less than this.
SMALLEST_PROBABILITY = 1e-12
STEPS_PER_SCALE = 64


def purchases_if_alive(
    dropout: Dropout,
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
) -> Floats:
    """Expected purchases within ``horizon`` of customers alive at T."""
    r, alpha, a, b = (float(value) for value in parameters)
    if dropout.regularity == 1:
        return one_stage(
            r + repeats, alpha + tenure, a, b + repeats + dropout.shift, float(horizon)
        )
    first, positions = distinct([repeats, tenure])
    expected = np.stack(
        [
            _sum_of_nth_purchases(
                dropout, parameters, repeats[first], tenure[first], horizon, stage
            )
            for stage in range(dropout.regularity)
        ]
    )
    weights = _stage_weights(dropout, parameters, repeats, recency, tenure)
    total: Floats = (weights * expected[:, positions]).sum(axis=0)
    return total


def _sum_of_nth_purchases(
    dropout: Dropout,
    parameters: Floats,
    repeats: Floats,
    tenure: Floats,
    horizon: float,
    stage: int,
) -> Floats:
    """Sum over n of the probabilities of the n-th purchase.

    Far out, one n stands for as many neighbours as the probability is nearly straight over: a
    STEPS_PER_SCALE-th of the distance over which it falls.
    """
    r, alpha, a, b = (float(value) for value in parameters)
    shape = r + dropout.regularity * repeats + stage
    mean = shape * horizon / (alpha + tenure)
    deviation = np.sqrt(mean + mean**2 / shape) / dropout.regularity
    total = np.zeros(len(repeats))
    live, count = np.arange(len(repeats)), 1
    while len(live):
        own = repeats[live]
        slope = (b + own.min() + count) / max(a, 1.0)
        scale = min(float(count), float(slope), 4 * float(deviation[live].min()))
        width = max(1, int(scale / STEPS_PER_SCALE))
        middle = count + (width - 1) / 2
        term = _nth_purchase(dropout, parameters, own, tenure[live], horizon, middle, stage)
        total[live] += width * term
        live, count = live[term > SMALLEST_PROBABILITY], count + width
    return total


def at_least_if_alive(
    dropout: Dropout,
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
    count: Floats,
) -> Floats:
    """Probability of ``count`` (>= 1) purchases or more within ``horizon``, of customers alive at
    T: one entry per row.

    n purchases need n k - j further stages, and not to leave after any of the first n - 1 (Fader,
    Hardie and Jerath 2007 derive the same from the purchase times).
    """
    first, positions = distinct([repeats, tenure, count])
    reached = np.stack(
        [
            _nth_purchase(
                dropout, parameters, repeats[first], tenure[first], horizon, count[first], stage
            )
            for stage in range(dropout.regularity)
        ]
    )[:, positions]
    if dropout.regularity == 1:
        alone: Floats = reached[0]
        return alone
    weights = _stage_weights(dropout, parameters, repeats, recency, tenure)
    probability: Floats = (weights * reached).sum(axis=0)
    return probability


def _nth_purchase(
    dropout: Dropout,
    parameters: Floats,
    repeats: Floats,
    tenure: Floats,
    horizon: float,
    count: Floats | float,
    stage: int,
) -> Floats:
    """Probability of the n-th purchase within ``horizon``, of customers alive with ``stage`` stages
    behind them.
    """
    r, alpha, a, b = (float(value) for value in parameters)
    k, chances = dropout.regularity, b + repeats + dropout.shift
    share = horizon / (alpha + tenure + horizon)
    reached = betainc(count * k - stage, r + k * repeats + stage, share)
    if a > 0:
        reached = reached * np.exp(betaln(a, chances + count - 1) - betaln(a, chances))
    probability: Floats = reached
    return probability


def _stage_weights(
    dropout: Dropout, parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats
) -> Floats:
    """How likely j of the k stages to the next purchase are behind a living customer, shape (k,
    rows).
    """
    shape = parameters[0] + dropout.regularity * repeats
    terms = stage_terms(dropout, shape, recency, tenure, float(parameters[1]))
    weights: Floats = terms / terms.sum(axis=0)
    return weights


def draw(
    random: Generator,
    dropout: Dropout,
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
) -> Floats:
    """One draw of the number of purchases within ``horizon`` for each row: exact, by playing the
    story.
    """
    r, alpha, a, b = (float(value) for value in parameters)
    size, k = len(repeats), dropout.regularity
    alive = random.random(size) < geometric_dropout.p_alive(
        dropout, parameters, repeats, recency, tenure
    )
    terms = stage_terms(dropout, r + k * repeats, recency, tenure, alpha)
    levels = np.cumsum(terms, axis=0) / terms.sum(axis=0)
    stage = (random.random(size) > levels[:-1]).sum(axis=0)
    rate = random.gamma(r + k * repeats + stage) / (alpha + tenure)
    purchases = (stage + random.poisson(rate * horizon)) // k
    if a > 0:
        staying = random.gamma(b + repeats + dropout.shift)
        leaving = random.gamma(np.full(size, a))
        # Geometric by inversion: -ln(1 - p) is ln((g_a + g_b) / g_b), exact for p near 0 and near
        # 1.
        with np.errstate(divide="ignore"):
            until = np.floor(random.exponential(size=size) / np.log1p(leaving / staying)) + 1
        purchases = np.minimum(purchases, until)
    return np.where(alive, purchases, 0).astype(np.float64)
