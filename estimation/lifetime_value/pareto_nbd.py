"""Pareto/NBD: gamma distributed rates, and lifetimes that are exponential with gamma distributed
rates (Schmittlein, Morrison and Colombo 1987, Management Science 33; Fader and Hardie 2005, note
009).

The literature writes its likelihood with two hypergeometric functions per customer, which is slow
and overflows. They come from one integral over the moment y of leaving,

    ln L = lnG(r+x) - lnG(r) + r ln alpha + s ln beta + ln( (alpha+T)^-(r+x) (beta+T)^-s + s I )
    I    = integral from t_x to T of (alpha+y)^-(r+x) (beta+y)^-(s+1) dy

and for one x that is the difference of two values of one function of time. Summing it up once per
x, from the far end so that no digits cancel, gives the exact likelihood and its gradient at the
price of a table look-up per row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import betainc, betaln, expit, gammaln, psi, xlog1py, xlogy

from estimation.lifetime_value.maximum_likelihood import Objective
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
    distinct,
    summarise,
)

PARAMETER_NAMES = ("r", "alpha", "s", "beta")

# Gauss-Legendre nodes between two neighbouring moments, and for the survival to a purchase.
INTERVAL_NODES = 5
LEAST_INTERVALS, MOST_INTERVALS = 128, 8192
SURVIVAL_NODES = 32


@dataclass(frozen=True, eq=False)
class _Group:
    """The rows of one x: their slice, quadrature nodes between neighbouring moments, shape (moments
    - 1, nodes), and where the rows' t_x and T stand among the moments.
    """

    repeats: float
    rows: slice
    nodes: Floats
    log_weights: Floats
    starts: Integers
    ends: Integers


def objective(summaries: PurchaseSummaries) -> Objective:
    """Mean log likelihood and gradient in the logarithms of (r, alpha, s, beta)."""
    groups = _arrange(summaries)
    total = float(summaries.customers.sum())

    def evaluate(logarithms: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logarithms)
        each, slopes = _rows(summaries, groups, parameters)
        mean = float(summaries.customers @ each) / total
        return mean, parameters * (slopes @ summaries.customers) / total

    return evaluate


def log_likelihood_of_each(
    parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats
) -> Floats:
    """Log likelihood of each row."""
    first, inverse = distinct([repeats, recency, tenure])
    summaries = summarise(repeats[first], recency[first], tenure[first])
    each: Floats = _rows(summaries, _arrange(summaries), parameters)[0][inverse]
    return each


def p_alive(parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats) -> Floats:
    """Probability that the customer has not left by T, in [0, 1]."""
    r, alpha, s, beta = (float(value) for value in parameters)
    if s == 0:
        return np.ones(np.shape(repeats))
    first, inverse = distinct([repeats, recency, tenure])
    summaries = summarise(repeats[first], recency[first], tenure[first])
    left = np.log(s) + _log_integrals(summaries, _arrange(summaries), parameters)[0]
    stayed = -(r + summaries.repeats) * np.log(alpha + summaries.tenure)
    stayed -= s * np.log1p(summaries.tenure / beta)
    alive: Floats = expit(stayed - left)[inverse]
    return alive


def purchases_if_alive(
    parameters: Floats, repeats: Floats, tenure: Floats, horizon: float
) -> Floats:
    """Expected purchases within ``horizon`` of customers alive at T."""
    r, alpha, s, beta = (float(value) for value in parameters)
    stretch = np.log1p(horizon / (beta + tenure))
    lasting = -np.expm1((1 - s) * stretch) / (s - 1) if s != 1 else stretch
    expected: Floats = (r + repeats) * (beta + tenure) / (alpha + tenure) * lasting
    return expected


def at_least_if_alive(
    parameters: Floats, repeats: Floats, tenure: Floats, horizon: float, count: Floats
) -> Floats:
    """Probability of ``count`` (>= 1) purchases or more within ``horizon``, of customers alive at
    T.

    The n-th purchase comes at the time of a negative binomial process, and the customer must live
    until then.
    """
    r, alpha, s, beta = (float(value) for value in parameters)
    shape, rate, rest, count = np.broadcast_arrays(
        r + repeats, alpha + tenure, beta + tenure, np.asarray(count, np.float64)
    )
    end = horizon / (rate + horizon)
    survival = (rest / (rest + horizon)) ** s
    nodes, weights = np.polynomial.legendre.leggauss(SURVIVAL_NODES)
    share = end[..., None] * (nodes + 1) / 2
    moment = rate[..., None] * share / (1 - share)
    log_density = (
        xlogy(count[..., None] - 1, share)
        + xlog1py(shape[..., None] - 1, -share)
        - betaln(count, shape)[..., None]
    )
    until = (rest[..., None] / (rest[..., None] + moment)) ** s - survival[..., None]
    living = (np.exp(log_density) * until) @ weights * end / 2
    probability: Floats = survival * betainc(count, shape, end) + living
    return probability


def draw(
    random: Generator,
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
) -> Floats:
    """One draw of the number of purchases within ``horizon`` for each row: exact, by playing the
    story.
    """
    r, alpha, s, beta = (float(value) for value in parameters)
    alive = random.random(len(repeats)) < p_alive(parameters, repeats, recency, tenure)
    purchase_rate = random.gamma(r + repeats) / (alpha + tenure)
    leaving_rate = random.gamma(np.full(len(repeats), s)) / (beta + tenure)
    with np.errstate(divide="ignore"):
        life = np.minimum(random.exponential(size=len(repeats)) / leaving_rate, horizon)
    return np.where(alive, random.poisson(purchase_rate * life), 0).astype(np.float64)


def _arrange(summaries: PurchaseSummaries) -> tuple[_Group, ...]:
    """The rows by x, each group with moments fine enough that between two neighbours its integrand
    falls by a few powers of e at most.
    """
    values, begins = np.unique(summaries.repeats, return_index=True)
    edges = [*begins, len(summaries)]
    return tuple(
        _group(float(value), slice(int(begin), int(end)), summaries)
        for value, begin, end in zip(values, edges[:-1], edges[1:], strict=True)
    )


def _group(repeats: float, rows: slice, summaries: PurchaseSummaries) -> _Group:
    recency, tenure = summaries.recency[rows], summaries.tenure[rows]
    first, last = float(recency.min()), float(tenure.max())
    count = LEAST_INTERVALS
    if repeats:
        count = int(np.clip(last * repeats / float(recency.max()) / 4, count, MOST_INTERVALS))
    # After one purchase day the integrand may fall from its start by a power of 1 + y / beta.
    early = last * np.geomspace(1e-4, 1, 64)
    moments = np.unique(
        np.concatenate([recency, tenure, np.linspace(first, last, count + 1), early[early > first]])
    )
    nodes, weights = np.polynomial.legendre.leggauss(INTERVAL_NODES)
    half = np.diff(moments)[:, None] / 2
    return _Group(
        repeats=repeats,
        rows=rows,
        nodes=moments[:-1, None] + half * (nodes + 1),
        log_weights=np.log(half * weights),
        starts=np.searchsorted(moments, recency),
        ends=np.searchsorted(moments, tenure),
    )


def _rows(
    summaries: PurchaseSummaries, groups: tuple[_Group, ...], parameters: Floats
) -> tuple[Floats, Floats]:
    """Log likelihood of each row, and its gradient in (r, alpha, s, beta), shape (4, rows)."""
    r, alpha, s, beta = (float(value) for value in parameters)
    repeats, tenure = summaries.repeats, summaries.tenure
    log_integral, means = _log_integrals(summaries, groups, parameters)
    stayed = -(r + repeats) * np.log(alpha + tenure) - s * np.log1p(tenure / beta)
    left = np.log(s) + log_integral
    each = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + np.logaddexp(stayed, left)
    gone = expit(left - stayed)
    here = 1 - gone
    slopes = np.stack(
        [
            psi(r + repeats) - psi(r) - here * np.log1p(tenure / alpha) - gone * means[0],
            r / alpha - (r + repeats) * (here / (alpha + tenure) + gone * means[1]),
            -here * np.log1p(tenure / beta) + gone * (1 / s - means[2]),
            s / beta - here * s / (beta + tenure) - gone * (s + 1) * means[3],
        ]
    )
    return each, slopes


def _log_integrals(
    summaries: PurchaseSummaries, groups: tuple[_Group, ...], parameters: Floats
) -> tuple[Floats, Floats]:
    """ln(beta^s I) of each row, and the means under its integrand of ln(1 + y/alpha), 1/(alpha+y),
    ln(1 + y/beta) and 1/(beta+y), shape (4, rows). All of the means are of positive quantities, so
    they too add up without cancelling.
    """
    r, alpha, s, beta = (float(value) for value in parameters)
    result = np.full(len(summaries), -np.inf)
    means = np.zeros((4, len(summaries)))
    for group in groups:
        rate, log_rate = alpha + group.nodes, np.log1p(group.nodes / alpha)
        rest, log_rest = beta + group.nodes, np.log1p(group.nodes / beta)
        logs = group.log_weights - s * log_rest - np.log(rest)
        logs -= (r + group.repeats) * (np.log(alpha) + log_rate)
        quantities = np.stack([np.ones_like(rate), log_rate, 1 / rate, log_rest, 1 / rest])
        sums = _sums_to_the_end(logs, quantities)
        starts, ends = sums[:, group.starts], sums[:, group.ends]
        some = group.ends > group.starts
        base = np.where(some, starts[0], 0.0)
        part = np.exp(starts - base) - np.exp(ends - base)
        with np.errstate(divide="ignore"):
            result[group.rows] = np.where(some, base + np.log(part[0]), -np.inf)
        means[:, group.rows] = np.where(some, part[1:] / np.where(some, part[0], 1.0), 0.0)
    return result, means


def _sums_to_the_end(logs: Floats, quantities: Floats) -> Floats:
    """ln of the integral of each quantity from every moment to the last, shape (quantities,
    moments).
    """
    highest = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - highest)
    with np.errstate(divide="ignore"):
        intervals = np.log(np.einsum("mn,qmn->qm", weights, quantities)) + highest[:, 0]
    sums = np.logaddexp.accumulate(intervals[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([sums, np.full((len(sums), 1), -np.inf)], axis=1)
