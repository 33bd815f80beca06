"""Rolling origins: stand on an earlier day, fit and forecast with what was known then, compare with
what came.

Nothing here is remembered between nights: every origin is computed again from the same rows, so a
backfill, a merge of customers or a late delivery changes the past forecasts too, and a rerun gives
the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.forecasting import Forecast, forecast, naive_forecast
from estimation.lifetime_value.holdout_measures import (
    HoldoutMeasures,
    count_outcomes,
    measure,
)
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    customers_at,
    distinct_summaries,
    purchases_within,
)
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD, PurchaseModel, model
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries

HORIZONS = (30, 90)
ORIGINS = 4
STEP = 30
# NumPy releases the interpreter's lock in long loops, so that two origins are computed at a time;
# more would hold more memory.
WORKERS = 2


@dataclass(frozen=True)
class Evaluation:
    """One model's forecast from one origin (days since 1970-01-01) over one horizon (days), and how
    it came out.
    """

    model: str
    origin: int
    horizon: int
    fit: Fit
    measures: HoldoutMeasures


@dataclass(frozen=True)
class Refusal:
    """A model that could not be fitted at an origin, and why."""

    model: str
    origin: int
    reason: str


@dataclass(frozen=True)
class Backtest:
    """Everything that rolling origins have shown."""

    evaluations: tuple[Evaluation, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class FitsAt:
    """The models that could be fitted to what was known on one day, by name, and those that could
    not.
    """

    fits: dict[str, Fit]
    refusals: tuple[Refusal, ...]


def rolling_origins(
    first_day: int, last_day: int, horizon: int, count: int = ORIGINS, step: int = STEP
) -> tuple[int, ...]:
    """The latest ``count`` origins, ``step`` days apart, whose ``horizon`` ends by ``last_day``,
    latest first; none earlier than one horizon after ``first_day``, where there is too little to
    learn from.
    """
    origins = (last_day - horizon - step * place for place in range(count))
    return tuple(origin for origin in origins if origin >= first_day + horizon)


def backtest(
    purchases: PurchaseDays,
    last_day: int,
    models: Sequence[PurchaseModel],
    horizons: Iterable[int] = HORIZONS,
    starts: Mapping[str, Fit] | None = None,
) -> Backtest:
    """Evaluate ``models`` from the latest complete origins before ``last_day`` (days since
    1970-01-01). ``starts``: fits to begin the search from.
    """
    if not len(purchases.days):
        return Backtest((), ())
    first_day = int(purchases.days.min())
    wanted: dict[int, list[int]] = {}
    for horizon in horizons:
        for origin in rolling_origins(first_day, last_day, horizon):
            wanted.setdefault(origin, []).append(horizon)
    origins = sorted(wanted, reverse=True)
    with ThreadPoolExecutor(WORKERS) as workers:
        results = workers.map(
            lambda origin: evaluate_origin(purchases, origin, wanted[origin], models, starts or {}),
            origins,
        )
        parts = list(results)
    return Backtest(
        tuple(evaluation for found, _ in parts for evaluation in found),
        tuple(refusal for _, refused in parts for refusal in refused),
    )


def evaluate_origin(
    purchases: PurchaseDays,
    origin: int,
    horizons: Sequence[int],
    models: Sequence[PurchaseModel],
    starts: Mapping[str, Fit],
) -> tuple[list[Evaluation], tuple[Refusal, ...]]:
    """Fit every model at one origin and evaluate every horizon. ``starts``: see `backtest`."""
    known = customers_at(purchases, origin)
    summaries, positions = distinct_summaries(known)
    at_origin = fit_models(summaries, origin, models, starts)
    found: list[Evaluation] = []
    for horizon in horizons:
        outcomes = count_outcomes(positions, purchases_within(purchases, known, horizon))
        naive = naive_forecast(summaries, horizon)
        for name, own in at_origin.fits.items():
            future = published_forecast(at_origin.fits, name, summaries, horizon)
            measures = measure(summaries, future.expected, future.p_any, naive, outcomes)
            found.append(Evaluation(name, origin, horizon, own, measures))
    return found, at_origin.refusals


def fit_models(
    summaries: PurchaseSummaries,
    origin: int,
    models: Sequence[PurchaseModel],
    starts: Mapping[str, Fit],
) -> FitsAt:
    """Fit every model to the same summaries; a refusal of one is no reason to refuse the others."""
    fits: dict[str, Fit] = {}
    refusals: list[Refusal] = []
    for purchase_model in models:
        try:
            fits[purchase_model.name] = fit(
                purchase_model, summaries, starts.get(purchase_model.name)
            )
        except FitRefused as refused:
            refusals.append(Refusal(purchase_model.name, origin, str(refused)))
    return FitsAt(fits, tuple(refusals))


def published_forecast(
    fits: dict[str, Fit], name: str, summaries: PurchaseSummaries, horizon: float
) -> Forecast:
    """The forecast that would be published with model ``name`` as champion: customers with x = 0
    are taken from MBG/NBD where BG/NBD is the champion, because BG/NBD holds them alive by
    assumption.
    """
    own = forecast(fits[name], summaries, horizon)
    if name != BG_NBD.name or MBG_NBD.name not in fits:
        return own
    other = forecast(fits[MBG_NBD.name], summaries, horizon)
    once = summaries.repeats == 0
    return Forecast(
        expected=np.where(once, other.expected, own.expected),
        p_any=np.where(once, other.p_any, own.p_any),
    )


def previous_errors(
    purchases: PurchaseDays, history: Backtest, name: str
) -> dict[tuple[int, int], float]:
    """MAE of yesterday's parameters, at the latest origin of each horizon: what the parameters
    fitted one day before would have missed. Origins at which they cannot be fitted are left out.
    """
    latest: dict[int, Evaluation] = {}
    for each in history.evaluations:
        if each.model == name and each.origin >= latest.get(each.horizon, each).origin:
            latest[each.horizon] = each
    errors: dict[tuple[int, int], float] = {}
    for horizon, each in latest.items():
        before, _ = distinct_summaries(customers_at(purchases, each.origin - 1))
        models = [model(name)] if name == MBG_NBD.name else [model(name), MBG_NBD]
        yesterday = fit_models(before, each.origin - 1, models, {name: each.fit})
        if name not in yesterday.fits:
            continue
        known = customers_at(purchases, each.origin)
        summaries, positions = distinct_summaries(known)
        future = published_forecast(yesterday.fits, name, summaries, horizon)
        actual = purchases_within(purchases, known, horizon)
        errors[each.origin, horizon] = float(np.abs(future.expected[positions] - actual).mean())
    return errors
