"""Which model speaks for the night: the one whose forecasts came true on earlier origins, not the
likeliest one.

CDNOW's master file shows why: there MBG/NBD's likelihood beats BG/NBD's by 31 while its total is
five points worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.backtest import STEP, Backtest, Evaluation
from estimation.lifetime_value.purchase_models import MBG_NBD

# Where no origin is complete yet: MBG/NBD holds nobody alive by assumption.
DEFAULT = MBG_NBD.name
# A total of few purchases is off by chance: two standard deviations of a Poisson count.
CHANCE_DEVIATIONS = 2.0


# Status ('passed', 'warning' or 'failed') and reason by model and horizon.
Gates = Mapping[tuple[str, int], tuple[str, str | None]]


@dataclass(frozen=True)
class Choice:
    """The candidates from best to worst and why; ``losses`` of those that were compared (lower is
    better).
    """

    ranking: tuple[str, ...]
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


def choose(backtest: Backtest, candidates: Sequence[str], gates: Gates) -> Choice:
    """Rank the candidates by loss, those whose gate failed last: the mean over origins and horizons
    of ln(MAE / naive MAE) + ln(RMSE / naive RMSE), over the origins at which every candidate that
    is fitted most often has a forecast.

    Candidates that were refused at half of the origins or more are not compared and come after the
    others, in their order; so do all of them, DEFAULT first, where nothing is complete.
    """
    by_model: dict[str, dict[tuple[int, int], Evaluation]] = {name: {} for name in candidates}
    for evaluation in backtest.evaluations:
        if evaluation.model in by_model and evaluation.measures.actual > 0:
            place = (evaluation.origin, evaluation.horizon)
            by_model[evaluation.model][place] = evaluation
    most = max((len(found) for found in by_model.values()), default=0)
    compared = {name: found for name, found in by_model.items() if found and 2 * len(found) > most}
    shared = set.intersection(*(set(found) for found in compared.values())) if compared else set()
    losses = {
        name: float(np.mean([loss(found[place]) for place in sorted(shared)]))
        for name, found in compared.items()
        if shared
    }

    def place_of(name: str) -> tuple[bool, float, bool]:
        return failed(gates, name), round(losses.get(name, np.inf), 6), name != DEFAULT

    reason = f"lowest holdout error of {len(losses)} models on {len(shared)} forecasts"
    return Choice(
        ranking=tuple(sorted(candidates, key=place_of)),
        reason=reason
        if losses
        else "no earlier origin at which models can be compared: the default",
        losses=losses,
    )


def gates(backtest: Backtest) -> Gates:
    """The gate of every model and horizon that was evaluated."""
    groups: dict[tuple[str, int], list[Evaluation]] = {}
    for each in backtest.evaluations:
        groups.setdefault((each.model, each.horizon), []).append(each)
    return {place: gate(group) for place, group in groups.items()}


def failed(found: Gates, name: str) -> bool:
    """Whether the gate of any horizon of that model failed."""
    return any(status == "failed" for (own, _), (status, _) in found.items() if own == name)


def loss(evaluation: Evaluation) -> float:
    """ln of the model's own errors relative to the naive forecast's: the absolute one speaks for
    the many, the squared one for the few who buy a lot. Own errors, because published forecasts
    share half of their parts and all of their level, and differ by chance rather than by model.
    """
    measures = evaluation.measures
    floor = 1e-12
    return float(
        np.log(max(evaluation.model_mae, floor) / max(measures.naive_mae, floor))
        + np.log(max(evaluation.model_rmse, floor) / max(measures.naive_rmse, floor))
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
    predicted = sum(evaluation.measures.predicted for evaluation in evaluations)
    ratio = predicted / actual
    reasons = []
    low, high = limits.ratio_failure
    if not low <= ratio <= high:
        reason = f"predicted/actual purchases {ratio:.3f} outside [{low}, {high}]"
        # Origins overlap, so that the same purchases count several times.
        overlap = max(1.0, evaluations[0].horizon / STEP)
        if abs(predicted - actual) > CHANCE_DEVIATIONS * np.sqrt(overlap * max(predicted, actual)):
            return "failed", reason
        reasons.append(f"{reason}, which {actual:.0f} purchases may do by chance")
    low, high = limits.ratio_warning
    if not low <= ratio <= high and not reasons:
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
