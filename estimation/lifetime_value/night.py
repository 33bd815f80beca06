"""The lifetime value step of a night: purchase days in, forecasts for every kind of customer out.

    purchase days ─▶ rolling origins ─▶ champion ─▶ its fit today, or the latest that holds
                  ─▶ its mean with BG/NBD, at the paces that the origins show
                  ─▶ scores per (x, t_x, T), backtests, calibration, totals
                  ─▶ what would have been forecast at earlier month ends

Two customers with the same x, t_x and T have the same future purchases, so scores are per distinct
summary, and SQL joins them to customers; money is added there with the customer's own mean value m:

    value per purchase day = spend_p (spend_v + x m) / (spend_p x + spend_q - 1)
    expected value         = expected orders * value per purchase day
    value quantile         = value_365d_q... * (spend_v + x m)
    lifetime value         = discounted_orders * value per purchase day * margin
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from estimation.lifetime_value import champion, gamma_gamma
from estimation.lifetime_value.backtest import (
    HORIZONS,
    WORKERS,
    Backtest,
    backtest,
    fit_models,
    previous_errors,
)
from estimation.lifetime_value.blending import speakers
from estimation.lifetime_value.fallback import UsableFit, usable_fit
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.night_tables import (
    SCORES,
    NightModel,
    SpendModel,
    backtests_table,
    calibrations_table,
    parameters_table,
    totals_table,
)
from estimation.lifetime_value.pace import Paces, Trial, learn
from estimation.lifetime_value.purchase_days import (
    CustomersAt,
    PurchaseDays,
    at_most,
    customers_at,
    date_to_number,
    distinct_summaries,
    log_intervals_at,
)
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PurchaseModel,
    mbg_cnbd,
    model,
)
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries
from estimation.lifetime_value.regularity import read_off
from estimation.lifetime_value.scoring import Voices, former_table, scores_table, spoken_for

# Backtests and the parameters of earlier month ends need no more customers: with as many, chance
# moves a month's total by one in a hundred, where gates ask for fifteen.
SAMPLE = 100_000
FORMER_MONTHS = 12


@dataclass(frozen=True)
class LifetimeValueSettings:
    """``margin``: share of revenue that is kept; ``yearly_discount``: 0.1 is ten per cent;
    ``lifetime_days``: horizon of the discounted value (36 months).
    """

    margin: float = 1.0
    yearly_discount: float = 0.10
    lifetime_days: float = 3 * 365.25


@dataclass(frozen=True, eq=False)
class LifetimeValueEstimates:
    """The tables of a night, in the schemas of `night_tables`; ``parameters`` has one row. Where no
    model could be fitted, that row has no model and says why, and ``scores`` is empty.

    ``former`` is computed while it is read: what the night's model would have forecast at each of
    the latest month ends, from the rows up to that day, one table per month; months in which it
    cannot be fitted are left out.
    """

    scores: pa.Table
    parameters: pa.Table
    backtests: pa.Table
    calibrations: pa.Table
    totals: pa.Table
    former: Iterator[pa.Table]


def estimate(
    purchases: PurchaseDays, as_of: date, settings: LifetimeValueSettings
) -> LifetimeValueEstimates:
    """Everything lifetime value needs, from purchase days up to ``as_of`` (later ones are ignored).
    Never raises FitRefused: a night without a model says so.
    """
    today = date_to_number(as_of)
    known = customers_at(purchases, today)
    summaries, _ = distinct_summaries(known)
    sample = at_most(purchases, SAMPLE)
    sampled, _ = distinct_summaries(customers_at(sample, today))
    models = _candidates(sample, today, sampled)
    starts = fit_models(sampled, today, models, {}).fits
    history = backtest(sample, today, models, starts=starts)
    night = _night_model(purchases, today, models, history, starts)
    spend = fit_spend_at(purchases, known)
    scores, previous = SCORES.empty_table(), {}
    if night.usable is not None:
        previous = previous_errors(sample, history, night.usable.fit.model)
        voices = _voices(purchases, today, night.usable, starts)
        scores = scores_table(
            voices,
            spoken_for(voices, summaries),
            _paces(history.trials, voices.champion, today),
            spend.fit,
            settings.yearly_discount,
            settings.lifetime_days,
        )
    return LifetimeValueEstimates(
        scores=scores,
        parameters=parameters_table(night, spend, settings.margin),
        backtests=backtests_table(history, night, spend, as_of, previous),
        calibrations=calibrations_table(history, night),
        totals=totals_table(scores, history, night),
        former=_former_scores(purchases, sample, as_of, night.name, starts, history.trials),
    )


def month_ends(as_of: date, count: int = FORMER_MONTHS) -> list[date]:
    """The latest ``count`` last days of months before ``as_of``, latest first."""
    days, first = [], as_of.replace(day=1)
    for _ in range(count):
        days.append(first - timedelta(days=1))
        first = days[-1].replace(day=1)
    return days


def fit_spend_at(purchases: PurchaseDays, known: CustomersAt) -> SpendModel:
    """Gamma-Gamma at the day of ``known``, or why there is none."""
    if not np.isfinite(purchases.values).any():
        return SpendModel(None, None, "no source has money", known.origin)
    summaries = gamma_gamma.summarise_spend(known.repeats, known.mean_value)
    try:
        found = gamma_gamma.fit_spend(summaries)
    except FitRefused as refused:
        return SpendModel(None, None, str(refused), known.origin)
    correlation = gamma_gamma.value_correlation(summaries)
    high = abs(correlation) > gamma_gamma.LARGEST_UNREMARKABLE_CORRELATION
    reason = f"frequency and value correlate by {correlation:.2f}" if high else None
    return SpendModel(found, correlation, reason, known.origin)


def _candidates(
    purchases: PurchaseDays, today: int, summaries: PurchaseSummaries
) -> list[PurchaseModel]:
    """The models that compete, the default first; one with regular purchases only where the data
    are regular.
    """
    candidates = [MBG_NBD, BG_NBD]
    try:
        regularity, _ = read_off(summaries, log_intervals_at(purchases, today))
    except FitRefused:
        return candidates
    return [*candidates, mbg_cnbd(regularity)] if regularity > 1 else candidates


def _night_model(
    purchases: PurchaseDays,
    today: int,
    models: list[PurchaseModel],
    history: Backtest,
    starts: Mapping[str, Fit],
) -> NightModel:
    """The best model that has parameters which hold, and why better ones have none."""
    gates = champion.gates(history)
    choice = champion.choose(history, [candidate.name for candidate in models], gates)
    refusals: dict[str, str] = {}
    for name in choice.ranking:
        try:
            usable = usable_fit(purchases, today, model(name), starts.get(name))
        except FitRefused as refused:
            refusals[name] = str(refused)
            continue
        return NightModel(usable, choice.reason, refusals, gates)
    return NightModel(None, choice.reason, refusals, gates)


def _voices(
    purchases: PurchaseDays, today: int, own: UsableFit, starts: Mapping[str, Fit]
) -> Voices:
    """The champion's parameters, and those of the models that speak beside it and hold."""
    usable = {own.fit.model: own}
    for name in speakers(own.fit.model)[1:]:
        with suppress(FitRefused):
            usable[name] = usable_fit(purchases, today, model(name), starts.get(name))
    return Voices(own.fit.model, usable)


def _paces(trials: Sequence[Trial], name: str, day: int) -> dict[int, Paces]:
    return {horizon: learn(trials, name, horizon, day) for horizon in HORIZONS}


def _former_scores(
    purchases: PurchaseDays,
    sample: PurchaseDays,
    as_of: date,
    name: str | None,
    starts: Mapping[str, Fit],
    trials: Sequence[Trial],
) -> Iterator[pa.Table]:
    if name is None:
        return

    def at(day: int) -> pa.Table | None:
        return _former_scores_at(purchases, sample, day, name, starts, _paces(trials, name, day))

    days = [date_to_number(month_end) for month_end in month_ends(as_of)]
    with ThreadPoolExecutor(WORKERS) as workers:
        # Tables are large: no more of them than are computed at a time.
        for begin in range(0, len(days), WORKERS):
            for table in workers.map(at, days[begin : begin + WORKERS]):
                if table is not None:
                    yield table


def _former_scores_at(
    purchases: PurchaseDays,
    sample: PurchaseDays,
    day: int,
    name: str,
    starts: Mapping[str, Fit],
    paces: Mapping[int, Paces],
) -> pa.Table | None:
    known = customers_at(sample, day)
    sampled, _ = distinct_summaries(known)
    fits = fit_models(sampled, day, [model(each) for each in speakers(name)], starts).fits
    if name not in fits:
        return None
    voices = Voices(name, {each: UsableFit(fits[each], day, None) for each in fits})
    summaries, _ = distinct_summaries(customers_at(purchases, day))
    spend = fit_spend_at(sample, known).fit
    return former_table(voices, spoken_for(voices, summaries), paces, spend, day)
