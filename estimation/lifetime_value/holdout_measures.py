"""How good a forecast was: the figures by which models are compared on days they have not seen.

Forecasts are one number per summary (x, t_x, T); what came true is counted per summary and number
of purchases. So a million customers are compared at the price of their distinct summaries, and the
figures equal those over customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
    distinct,
    sums_at,
)

GROUPS = 10


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What came true: ``customers`` of summary number ``summary`` made ``purchases``. All of one
    length.
    """

    summary: Integers
    purchases: Floats
    customers: Floats


@dataclass(frozen=True)
class HoldoutMeasures:
    """``total_ratio``: predicted / actual purchases (nan without any). ``naive_*``: the same figure
    of carrying on at x / T. ``groups``: see `calibration_groups`; ``calibration_error``: mean
    distance of their shares (ECE). ``lift``: buyers among the tenth with the highest probability to
    buy, over buyers among all. ``spearman`` is the rank correlation of expected and actual
    purchases; ``spearman_tied`` gives all customers with x = 0 one rank, as the naive rate does:
    with six in ten customers tied, ties alone are worth .03 of it.
    """

    customers: float
    actual: float
    predicted: float
    total_ratio: float
    mae: float
    rmse: float
    naive_mae: float
    naive_rmse: float
    groups: tuple[tuple[float, float], ...]
    calibration_error: float
    brier: float
    auc: float
    lift: float
    base_rate: float
    pearson: float
    spearman: float
    spearman_tied: float
    naive_spearman: float


def count_outcomes(summary: Integers, purchases: Floats) -> Outcomes:
    """Outcomes from one row per customer: the customer's summary and purchases."""
    first, inverse = distinct([summary.astype(np.float64), purchases])
    customers = np.bincount(inverse, minlength=len(first)).astype(np.float64)
    return Outcomes(summary[first], purchases[first], customers)


def measure(
    summaries: PurchaseSummaries,
    expected: Floats,
    p_any: Floats,
    naive: Floats,
    outcomes: Outcomes,
) -> HoldoutMeasures:
    """Compare ``expected`` purchases, ``p_any`` (probability of one or more) and the ``naive``
    forecast, one per summary, with the outcomes.
    """
    weights, actual, place = outcomes.customers, outcomes.purchases, outcomes.summary
    customers = sums_at(place, weights, len(summaries))
    buyers = sums_at(place, weights * (actual > 0), len(summaries))
    total, bought = float(weights.sum()), float(weights @ actual)
    one_time = summaries.repeats == 0
    tied = np.where(one_time, expected[one_time].mean() if one_time.any() else 0.0, expected)
    actual_rank = average_rank(actual, weights)

    def spearman(forecast: Floats) -> float:
        return correlation(average_rank(forecast, customers)[place], actual_rank, weights)

    predicted = float(customers @ expected)
    groups = calibration_groups(p_any, customers, buyers)
    mae, rmse = errors(expected, outcomes)
    naive_mae, naive_rmse = errors(naive, outcomes)
    return HoldoutMeasures(
        customers=total,
        actual=bought,
        predicted=predicted,
        total_ratio=predicted / bought if bought else float("nan"),
        mae=mae,
        rmse=rmse,
        naive_mae=naive_mae,
        naive_rmse=naive_rmse,
        groups=groups,
        calibration_error=float(np.mean([abs(own - true) for own, true in groups])),
        brier=float(weights @ (p_any[place] - (actual > 0)) ** 2) / total,
        auc=area_under_curve(p_any, customers, buyers),
        lift=top_decile_lift(p_any, customers, buyers),
        base_rate=float(buyers.sum()) / total,
        pearson=correlation(expected[place], actual, weights),
        spearman=spearman(expected),
        spearman_tied=spearman(tied),
        naive_spearman=spearman(naive),
    )


def errors(forecast: Floats, outcomes: Outcomes) -> tuple[float, float]:
    """Mean absolute and root mean squared error over customers; ``forecast`` per summary."""
    distance = forecast[outcomes.summary] - outcomes.purchases
    total = float(outcomes.customers.sum())
    return (
        float(outcomes.customers @ np.abs(distance)) / total,
        float(np.sqrt(outcomes.customers @ distance**2 / total)),
    )


def calibration_groups(
    predicted: Floats, customers: Floats, buyers: Floats
) -> tuple[tuple[float, float], ...]:
    """Predicted and true share of buyers in ten groups of equal size, least likely first. A summary
    at the border of two groups belongs to both in parts.
    """
    order = np.argsort(predicted, kind="stable")
    edges = np.linspace(0, float(customers.sum()), GROUPS + 1)
    reached = np.concatenate([[0.0], np.cumsum(customers[order])])

    def group_means(amounts: Floats) -> Floats:
        running = np.concatenate([[0.0], np.cumsum(amounts[order])])
        means: Floats = np.diff(np.interp(edges, reached, running)) / np.diff(edges)
        return means

    shares = zip(group_means(customers * predicted), group_means(buyers), strict=True)
    return tuple((float(own), float(true)) for own, true in shares)


def area_under_curve(score: Floats, customers: Floats, buyers: Floats) -> float:
    """Chance that who bought has the higher score than who did not, ties counting half; nan where
    all are alike.
    """
    positives = float(buyers.sum())
    negatives = float(customers.sum()) - positives
    if not positives or not negatives:
        return float("nan")
    above = average_rank(score, customers) @ buyers - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def top_decile_lift(score: Floats, customers: Floats, buyers: Floats) -> float:
    """Share of buyers in the tenth with the highest scores, over the share among all; nan where
    nobody bought. A summary at the border counts by the part of it that fits in.
    """
    if not buyers.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    reached = np.concatenate([[0.0], np.cumsum(customers[order])])
    running = np.concatenate([[0.0], np.cumsum(buyers[order])])
    found = np.interp(reached[-1] / GROUPS, reached, running)
    return float(found * GROUPS / running[-1])


def average_rank(values: Floats, weights: Floats) -> Floats:
    """Rank of each row among all customers (``weights`` per row), 1 for the lowest, the mean rank
    for ties.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.add.reduceat(weights[order], begins)
    ranks = np.cumsum(sizes) - sizes + (sizes + 1) / 2
    result = np.empty(len(values))
    result[order] = np.repeat(ranks, np.diff([*begins, len(values)]))
    return result


def correlation(first: Floats, second: Floats, weights: Floats) -> float:
    """Pearson's correlation over customers; nan where either does not vary."""
    total = weights.sum()
    x, y = first - weights @ first / total, second - weights @ second / total
    scale = np.sqrt((weights @ x**2) * (weights @ y**2))
    return float(weights @ (x * y) / scale) if scale > 0 else float("nan")
