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

from estimation.lifetime_value.blending import alone, blend, level, speakers
from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.forecasting import (
    Forecast,
    forecasts,
    naive_forecast,
    outlook,
)
from estimation.lifetime_value.holdout_measures import (
    HoldoutMeasures,
    Outcomes,
    count_outcomes,
    errors,
    measure,
)
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.pace import (
    ORIGINS,
    Paces,
    Trial,
    at_level,
    learn,
    paced,
    trial,
)
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    customers_at,
    distinct_summaries,
    purchases_within,
)
from estimation.lifetime_value.purchase_models import PurchaseModel, model
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries

HORIZONS = (30, 90)
STEP = 30
# NumPy releases the interpreter's lock in long loops, so that two origins are computed at a time;
# more would hold more memory.
WORKERS = 2


@dataclass(frozen=True)
class Evaluation:
    """What would have been published with ``model`` as champion from one origin (days since
    1970-01-01) over one horizon (days), and how it came out: ``measures``. ``model_mae`` and
    ``model_rmse``: errors of the model alone, by which models are compared.
    """

    model: str
    origin: int
    horizon: int
    fit: Fit
    measures: HoldoutMeasures
    model_mae: float
    model_rmse: float


@dataclass(frozen=True)
class Refusal:
    """A model that could not be fitted at an origin, and why."""

    model: str
    origin: int
    reason: str


@dataclass(frozen=True)
class Backtest:
    """Everything that rolling origins have shown. ``trials``: the sums that paces are learned
    from, of earlier origins than those evaluated, too.
    """

    evaluations: tuple[Evaluation, ...]
    refusals: tuple[Refusal, ...]
    trials: tuple[Trial, ...]


@dataclass(frozen=True, eq=False)
class Holdout:
    """Every model's own forecast from one origin over one horizon, and what came."""

    origin: int
    horizon: int
    fits: dict[str, Fit]
    summaries: PurchaseSummaries
    outcomes: Outcomes
    futures: dict[str, Forecast]


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
        return Backtest((), (), ())
    first_day = int(purchases.days.min())
    evaluated = {
        (origin, horizon)
        for horizon in horizons
        for origin in rolling_origins(first_day, last_day, horizon)
    }
    wanted: dict[int, set[int]] = {}
    for origin, horizon in evaluated:
        for place in (origin, *rolling_origins(first_day, origin, horizon)):
            wanted.setdefault(place, set()).add(horizon)

    def at(origin: int) -> tuple[list[Holdout], list[Trial], tuple[Refusal, ...]]:
        found, refused = hold_out(purchases, origin, sorted(wanted[origin]), models, starts or {})
        sums = [each for holdout in found for each in trials_of(holdout)]
        # Arrays are large: only sums stay of origins that paces alone are learned from.
        kept = [each for each in found if (each.origin, each.horizon) in evaluated]
        return kept, sums, refused if any(origin == day for day, _ in evaluated) else ()

    with ThreadPoolExecutor(WORKERS) as workers:
        parts = list(workers.map(at, sorted(wanted, reverse=True)))
    trials = tuple(each for _, sums, _ in parts for each in sums)
    return Backtest(
        tuple(
            evaluate(holdout, name, trials)
            for found, _, _ in parts
            for holdout in found
            for name in holdout.fits
        ),
        tuple(refusal for _, _, refused in parts for refusal in refused),
        trials,
    )


def hold_out(
    purchases: PurchaseDays,
    origin: int,
    horizons: Sequence[int],
    models: Sequence[PurchaseModel],
    starts: Mapping[str, Fit],
) -> tuple[list[Holdout], tuple[Refusal, ...]]:
    """Fit every model at one origin and forecast every horizon. ``starts``: see `backtest`."""
    known = customers_at(purchases, origin)
    summaries, positions = distinct_summaries(known)
    at_origin = fit_models(summaries, origin, models, starts)
    ahead = outlook(at_origin.fits, summaries)
    found = [
        Holdout(
            origin=origin,
            horizon=horizon,
            fits=at_origin.fits,
            summaries=summaries,
            outcomes=count_outcomes(positions, purchases_within(purchases, known, horizon)),
            futures=forecasts(ahead, horizon),
        )
        for horizon in horizons
    ]
    return found, at_origin.refusals


def trials_of(holdout: Holdout) -> list[Trial]:
    """One per model, as champion."""
    return [
        trial(
            name,
            holdout.origin,
            holdout.horizon,
            holdout.summaries,
            blend(holdout.futures, name, holdout.summaries),
            holdout.outcomes,
        )
        for name in holdout.fits
    ]


def evaluate(holdout: Holdout, name: str, trials: Iterable[Trial]) -> Evaluation:
    """How the forecast with model ``name`` as champion came out, at the paces that the ``trials``
    complete by the origin show.
    """
    summaries, outcomes = holdout.summaries, holdout.outcomes
    paces = learn(trials, name, holdout.horizon, holdout.origin)
    future, _ = published_forecast(holdout.futures, name, summaries, paces)
    naive = naive_forecast(summaries, holdout.horizon)
    mae, rmse = errors(alone(holdout.futures, name, summaries), outcomes)
    return Evaluation(
        model=name,
        origin=holdout.origin,
        horizon=holdout.horizon,
        fit=holdout.fits[name],
        measures=measure(summaries, future.expected, future.p_any, naive, outcomes),
        model_mae=mae,
        model_rmse=rmse,
    )


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
    futures: Mapping[str, Forecast], name: str, summaries: PurchaseSummaries, paces: Paces
) -> tuple[Forecast, Paces]:
    """The forecast that is published with model ``name`` as champion: blended, every group at its
    pace, the total at BG/NBD's level; and the factors that bring it there. ``futures``: every
    model's own.
    """
    mixed = blend(futures, name, summaries)
    factors = at_level(paces, mixed, summaries, level(futures, name, summaries))
    return paced(mixed, summaries, factors), factors


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
    missed: dict[tuple[int, int], float] = {}
    for horizon, own in latest.items():
        starts = {each.model: each.fit for each in history.evaluations if each.origin == own.origin}
        models = [model(each) for each in starts if each in speakers(name)]
        before, _ = distinct_summaries(customers_at(purchases, own.origin - 1))
        yesterday = fit_models(before, own.origin - 1, models, starts).fits
        if name not in yesterday:
            continue
        known = customers_at(purchases, own.origin)
        summaries, positions = distinct_summaries(known)
        paces = learn(history.trials, name, horizon, own.origin)
        futures = forecasts(outlook(yesterday, summaries), horizon)
        future, _ = published_forecast(futures, name, summaries, paces)
        actual = purchases_within(purchases, known, horizon)
        missed[own.origin, horizon] = float(np.abs(future.expected[positions] - actual).mean())
    return missed
