"""Which model speaks for the night: the one whose forecasts came true on earlier origins, not the
likeliest one.

CDNOW's master file shows why: there MBG/NBD's likelihood beats BG/NBD's by 31 while its total is
five points worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.backtest import Backtest, Evaluation
from estimation.lifetime_value.purchase_models import MBG_NBD

# Where no origin is complete yet: MBG/NBD holds nobody alive by assumption.
DEFAULT = MBG_NBD.name


@dataclass(frozen=True)
class Choice:
    """The champion's name, why it was chosen, and the loss of every candidate that was compared
    (lower is better).
    """

    model: str
    reason: str
    losses: dict[str, float]


@dataclass(frozen=True)
class GateLimits:
    """When a model's forecasts are worth a warning or a failure, over the latest complete origins
    of one horizon.

    CDNOW passes with margin (ratio .87 to .95, errors .86 and .72 of the naive ones at 90 and .77
    at 273 days). A shop whose customers stay (Online Retail) has absolute errors above the naive
    ones whatever the model, because half of all counts are zero and an absolute error rewards
    forecasts that are too low: so errors alone only warn.
    """

    ratio_warning: tuple[float, float] = (0.85, 1.15)
    ratio_failure: tuple[float, float] = (0.70, 1.30)
    mae_of_naive: float = 0.80
    rmse_of_naive: float = 0.80
    calibration_error_30d: float = 0.015


def choose(backtest: Backtest, candidates: Sequence[str]) -> Choice:
    """The candidate with the lowest loss: the mean over origins and horizons of ln(MAE / naive MAE)
    + ln(RMSE / naive RMSE), over the origins at which every candidate that is fitted most often has
    a forecast.

    Candidates that were refused at half of the origins or more are not compared. DEFAULT where
    nothing is complete.
    """
    by_model: dict[str, dict[tuple[int, int], Evaluation]] = {name: {} for name in candidates}
    for evaluation in backtest.evaluations:
        if evaluation.model in by_model and evaluation.measures.actual > 0:
            place = (evaluation.origin, evaluation.horizon)
            by_model[evaluation.model][place] = evaluation
    most = max((len(found) for found in by_model.values()), default=0)
    compared = {name: found for name, found in by_model.items() if found and 2 * len(found) > most}
    if not compared:
        return Choice(DEFAULT, "no earlier origin is complete yet: the default", {})
    shared = set.intersection(*(set(found) for found in compared.values()))
    if not shared:
        return Choice(DEFAULT, "no origin at which all candidates could be fitted: the default", {})
    losses = {
        name: float(np.mean([loss(found[place]) for place in sorted(shared)]))
        for name, found in compared.items()
    }
    best = min(losses, key=lambda name: (round(losses[name], 6), list(candidates).index(name)))
    return Choice(
        best, f"lowest holdout error of {len(losses)} models on {len(shared)} forecasts", losses
    )


def loss(evaluation: Evaluation) -> float:
    """ln of the errors relative to the naive forecast's: the absolute one speaks for the many, the
    squared one for the few who buy a lot.
    """
    measures = evaluation.measures
    floor = 1e-12
    return float(
        np.log(max(measures.mae, floor) / max(measures.naive_mae, floor))
        + np.log(max(measures.rmse, floor) / max(measures.naive_rmse, floor))
    )


def gate(
    evaluations: Sequence[Evaluation], limits: GateLimits | None = None
) -> tuple[str, str | None]:
    """Status ('passed', 'warning' or 'failed') and reason of one model over its origins of one
    horizon, pooled: a single month may be Christmas.
    """
    limits = limits or GateLimits()
    actual = sum(evaluation.measures.actual for evaluation in evaluations)
    if not actual:
        return "warning", "nobody bought within the horizon of any origin"
    ratio = sum(evaluation.measures.predicted for evaluation in evaluations) / actual
    low, high = limits.ratio_failure
    if not low <= ratio <= high:
        return "failed", f"predicted/actual purchases {ratio:.3f} outside [{low}, {high}]"
    reasons = []
    low, high = limits.ratio_warning
    if not low <= ratio <= high:
        reasons.append(f"predicted/actual purchases {ratio:.3f} outside [{low}, {high}]")
    mae, rmse = (_pooled(evaluations, kind) for kind in ("mae", "rmse"))
    if mae > limits.mae_of_naive:
        reasons.append(f"MAE {mae:.3f} of the naive one, above {limits.mae_of_naive}")
    if rmse > limits.rmse_of_naive:
        reasons.append(f"RMSE {rmse:.3f} of the naive one, above {limits.rmse_of_naive}")
    error = float(np.mean([evaluation.measures.calibration_error for evaluation in evaluations]))
    if evaluations[0].horizon == 30 and error > limits.calibration_error_30d:
        reasons.append(f"calibration error {error:.4f} above {limits.calibration_error_30d}")
    return ("warning", "; ".join(reasons)) if reasons else ("passed", None)


def _pooled(evaluations: Sequence[Evaluation], kind: str) -> float:
    """Error over the naive error, averaged over the customers of all origins (squares for the
    RMSE).
    """
    power = 2 if kind == "rmse" else 1
    own = naive = 0.0
    for evaluation in evaluations:
        measures = evaluation.measures
        own += measures.customers * getattr(measures, kind) ** power
        naive += measures.customers * getattr(measures, f"naive_{kind}") ** power
    return float((own / naive) ** (1 / power)) if naive else float("inf")
