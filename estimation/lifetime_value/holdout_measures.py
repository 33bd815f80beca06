"""How good a forecast was: the figures by which models are compared on days they have not seen.

All functions take one entry per customer, of one length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from estimation.lifetime_value.purchase_summaries import Floats


@dataclass(frozen=True)
class HoldoutMeasures:
    """``total_ratio``: predicted / actual purchases (nan without any). ``naive_*``: the same error of carrying on at
    x / T. ``calibration_error``: of the probability to buy at all, over ten equal groups. ``lift``: buyers among the
    tenth with the highest expectation, over buyers among all. Rank correlations are Spearman's; the tied one gives all
    customers with x = 0 one rank, as the naive rate does.
    """

    customers: int
    actual: float
    predicted: float
    total_ratio: float
    mae: float
    rmse: float
    naive_mae: float
    naive_rmse: float
    calibration_error: float
    brier: float
    auc: float
    lift: float
    base_rate: float
    pearson: float
    spearman: float
    spearman_tied: float
    naive_spearman: float


def measure(
    expected: Floats, p_any: Floats, naive: Floats, repeats: Floats, actual: Floats
) -> HoldoutMeasures:
    """Compare ``expected`` purchases and ``p_any`` (probability of one or more) with the ``actual`` ones; ``naive`` is
    the forecast that carries on at x / T.
    """
    bought = actual > 0
    total = float(actual.sum())
    one_time = repeats == 0
    tied = np.where(one_time, expected[one_time].mean() if one_time.any() else 0.0, expected)
    return HoldoutMeasures(
        customers=len(actual),
        actual=total,
        predicted=float(expected.sum()),
        total_ratio=float(expected.sum()) / total if total else float("nan"),
        mae=float(np.abs(expected - actual).mean()),
        rmse=float(np.sqrt(((expected - actual) ** 2).mean())),
        naive_mae=float(np.abs(naive - actual).mean()),
        naive_rmse=float(np.sqrt(((naive - actual) ** 2).mean())),
        calibration_error=calibration_error(p_any, bought),
        brier=float(((p_any - bought) ** 2).mean()),
        auc=area_under_curve(p_any, bought),
        lift=top_decile_lift(expected, bought),
        base_rate=float(bought.mean()),
        pearson=correlation(expected, actual),
        spearman=rank_correlation(expected, actual),
        spearman_tied=rank_correlation(tied, actual),
        naive_spearman=rank_correlation(naive, actual),
    )


def calibration_error(predicted: Floats, happened: Floats, groups: int = 10) -> float:
    """Mean distance of the mean prediction from the share that happened, over equal groups by prediction (ECE)."""
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, min(groups, len(order)))
    distances = [len(part) * abs(predicted[part].mean() - happened[part].mean()) for part in parts]
    return float(sum(distances) / len(order))


def area_under_curve(score: Floats, happened: Floats) -> float:
    """Chance that who did it has the higher score than who did not, ties counting half; nan where all are alike."""
    did = happened.astype(bool)
    positives, negatives = int(did.sum()), int((~did).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    above = ranks[did].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def top_decile_lift(score: Floats, happened: Floats) -> float:
    """Share that did it among the tenth with the highest scores, over the share among all; nan where nobody did.
    Customers who tie at the border count by the share of them that fits in.
    """
    size = max(1, len(score) // 10)
    border = np.partition(score, len(score) - size)[len(score) - size]
    above, level = score > border, score == border
    hits = happened[above].sum() + happened[level].mean() * (size - above.sum())
    share = happened.mean()
    return float(hits / size / share) if share else float("nan")


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's correlation; nan where either does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation with average ranks for ties; nan where either does not vary."""
    return correlation(rankdata(first), rankdata(second))
