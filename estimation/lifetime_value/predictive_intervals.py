"""Predictive quantiles of a customer's purchases and money, without drawing.

Purchases: P(Y >= n) is P(alive) times a function of (x, T), so a quantile is the number of n whose
probability stays above a bound: exact.

Money: given y purchase days, a customer spends (v + x m) U with U beta prime(p y, p x + q) (sums of
gamma variates over the gamma distributed rate of Gamma-Gamma). So the quantile is (v + x m) times a
number that depends on x, T and P(alive) only. Given that something is bought at all, U depends on T
so smoothly that a few T per x are enough to interpolate between (error below 1 % of the quantile,
tested against draws).

A quantile of 0 is a finding: most customers who have lapsed will not come back within the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, expit, logit

from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.forecasting import cells_of, p_alive
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.purchase_models import PurchaseModel, model
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
)

# 50, 80 and 95 % intervals.
LEVELS = (0.025, 0.1, 0.25, 0.75, 0.9, 0.975)

TENURE_NODES = 9
MONEY_NODES = 128
LEVEL_NODES = 81
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, eq=False)
class _Nodes:
    """For every x, the T's that are computed and interpolated between: first node and number of
    nodes per x, and x, t_x and T of all nodes.
    """

    first: Integers
    count: Integers
    repeats: Floats
    recency: Floats
    tenure: Floats


def count_quantiles(
    fit: Fit,
    summaries: PurchaseSummaries,
    horizon: float,
    levels: tuple[float, ...] = LEVELS,
) -> Floats:
    """Smallest n with P(Y <= n) >= level, shape (levels, summaries)."""
    purchase_model = model(fit.model)
    alive = p_alive(fit, summaries)
    cells = cells_of(summaries, purchase_model)
    rest = 1 - np.asarray(levels)
    result = np.zeros((len(levels), len(summaries)))
    rows, count = np.arange(len(summaries)), 1
    while len(rows):
        wanted, places = np.unique(cells.positions[rows], return_inverse=True)
        reached = purchase_model.at_least_if_alive(
            fit.values,
            cells.repeats[wanted],
            cells.recency[wanted],
            cells.tenure[wanted],
            horizon,
            np.full(len(wanted), float(count)),
        )
        probability = alive[rows] * reached[places]
        result[:, rows] += probability > rest[:, None]
        rows, count = rows[probability > rest.min()], count + 1
    return result


def money_quantiles(
    fit: Fit,
    spend: SpendFit,
    summaries: PurchaseSummaries,
    horizon: float,
    levels: tuple[float, ...] = LEVELS,
) -> Floats:
    """Quantiles of the money within ``horizon`` in units of (v + x m), shape (levels, summaries):
    multiply by the customer's own v + x m (by v where x = 0).
    """
    purchase_model = model(fit.model)
    alive = p_alive(fit, summaries)
    any_purchase = purchase_model.at_least_if_alive(
        fit.values,
        summaries.repeats,
        summaries.recency,
        summaries.tenure,
        horizon,
        np.ones(len(summaries)),
    )
    rows_of = _groups(summaries)
    nodes = _nodes(fit, summaries, rows_of)
    shares = _purchase_shares(purchase_model, fit, nodes, horizon)
    log_tenure = np.log(fit.parameters[1] + summaries.tenure)
    node_place = np.log(fit.parameters[1] + nodes.tenure)
    result = np.zeros((len(levels), len(summaries)))
    for rows, first, count in zip(rows_of, nodes.first, nodes.count, strict=True):
        own = slice(first, first + count)
        table = _log_quantiles(spend, summaries.repeats[rows.start], shares[own])
        for place, level in enumerate(levels):
            share = (1 - level) / np.maximum(alive[rows] * any_purchase[rows], 1e-300)
            logs = _interpolate(table, node_place[own], log_tenure[rows], share)
            result[place, rows] = np.where(share < 1, np.exp(logs), 0.0)
    return result


def _groups(summaries: PurchaseSummaries) -> list[slice]:
    """The rows of each x; summaries are sorted by x."""
    begins = np.flatnonzero(np.diff(summaries.repeats, prepend=-1.0))
    return [
        slice(int(begin), int(end))
        for begin, end in zip(begins, [*begins[1:], len(summaries)], strict=True)
    ]


def _nodes(fit: Fit, summaries: PurchaseSummaries, rows_of: list[slice]) -> _Nodes:
    """T's equally far apart in ln(alpha + T), from the least to the greatest T of each x.

    Only k > 1 asks for t_x, and once a purchase is given it hardly matters: the typical share of T
    stands for all.
    """
    alpha = fit.parameters[1]
    repeats, recency, tenure, counts = [], [], [], []
    for rows in rows_of:
        own = summaries.tenure[rows]
        edges = np.log(alpha + np.array([own.min(), own.max()]))
        count = TENURE_NODES if edges[1] > edges[0] else 1
        moments = np.exp(np.linspace(float(edges[0]), float(edges[1]), count)) - alpha
        weights = summaries.customers[rows]
        typical = float(weights @ summaries.recency[rows]) / max(float(weights @ own), 1e-300)
        repeats.append(np.full(count, summaries.repeats[rows.start]))
        recency.append(np.minimum(typical, 1.0) * moments)
        tenure.append(moments)
        counts.append(count)
    return _Nodes(
        first=np.cumsum([0, *counts[:-1]]),
        count=np.array(counts),
        repeats=np.concatenate(repeats),
        recency=np.concatenate(recency),
        tenure=np.concatenate(tenure),
    )


def _purchase_shares(
    purchase_model: PurchaseModel, fit: Fit, nodes: _Nodes, horizon: float
) -> Floats:
    """P(Y = y | Y >= 1) for y = 1, 2, ..., shape (nodes, counts)."""
    tails: list[Floats] = []
    live = np.arange(len(nodes.repeats))
    while len(live):
        reached = np.zeros(len(nodes.repeats))
        reached[live] = purchase_model.at_least_if_alive(
            fit.values,
            nodes.repeats[live],
            nodes.recency[live],
            nodes.tenure[live],
            horizon,
            np.full(len(live), float(len(tails) + 1)),
        )
        tails.append(reached)
        live = live[reached[live] > NEGLIGIBLE * tails[0][live]]
    stacked = np.array([*tails, np.zeros(len(nodes.repeats))])
    shares: Floats = (-np.diff(stacked, axis=0) / np.maximum(stacked[0], 1e-300)).T
    return shares


def _log_quantiles(spend: SpendFit, x: float, shares: Floats) -> Floats:
    """ln of U's quantiles given at least one purchase, shape (nodes, LEVEL_NODES), for levels
    falling as the share above grows.
    """
    shape = spend.p * x + spend.q
    most = int(np.flatnonzero(shares.any(axis=0))[-1]) + 1
    counts = np.arange(1, most + 1)
    # One purchase day at the low end and the largest count at the high end enclose all quantiles.
    low = betaincinv(spend.p, shape, NEGLIGIBLE / 10)
    high = betaincinv(spend.p * most, shape, 1 - NEGLIGIBLE / 10)
    grid = np.linspace(np.log(low / (1 - low)), np.log(high / (1 - high)), MONEY_NODES)
    below = betainc(spend.p * counts[:, None], shape, expit(grid))
    above = np.clip(shares[:, :most] @ (1 - below), 1e-15, 1 - 1e-15)
    wanted = _level_nodes()
    return np.array([np.interp(-wanted, -row, grid) for row in logit(above)])


def _interpolate(table: Floats, nodes: Floats, place: Floats, share: Floats) -> Floats:
    """Bilinear in ln(alpha + T) and the logit of the share above; ``place``, ``share`` per row."""
    wanted = _level_nodes()
    share = np.clip(share, NEGLIGIBLE, 1 - NEGLIGIBLE)
    column, right = _between(wanted, logit(share))
    if len(nodes) == 1:
        only: Floats = table[0, column] * (1 - right) + table[0, column + 1] * right
        return only
    row, lower = _between(nodes, place)
    near = table[row, column] * (1 - right) + table[row, column + 1] * right
    far = table[row + 1, column] * (1 - right) + table[row + 1, column + 1] * right
    mixed: Floats = near * (1 - lower) + far * lower
    return mixed


def _between(nodes: Floats, places: Floats) -> tuple[Integers, Floats]:
    """For each place, the equally spaced node to its left and how far it is to the next one, in [0,
    1].
    """
    position = (places - nodes[0]) / (nodes[1] - nodes[0])
    left = np.clip(position.astype(np.int64), 0, len(nodes) - 2)
    return left, np.clip(position - left, 0.0, 1.0)


def _level_nodes() -> Floats:
    """Logits of the share above, ascending and equally spaced."""
    edge = float(logit(1 - NEGLIGIBLE))
    return np.linspace(-edge, edge, LEVEL_NODES)
