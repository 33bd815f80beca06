"""The lifetime value step of a night: purchase days in, forecasts for every kind of customer out.

    purchase days ─▶ rolling origins ─▶ champion ─▶ its fit today, or the latest that holds
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

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from estimation.lifetime_value import champion, gamma_gamma
from estimation.lifetime_value.backtest import (
    WORKERS,
    Backtest,
    backtest,
    fit_models,
    previous_errors,
)
from estimation.lifetime_value.discounting import daily_rate, discounted_purchases_if_alive
from estimation.lifetime_value.fallback import UsableFit, usable_fit
from estimation.lifetime_value.fitting import NO_DROPOUT, Fit
from estimation.lifetime_value.forecasting import cells_of, forecast, look_up, p_alive
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.night_tables import (
    FORMER_SCORES,
    SCORED_HORIZONS,
    SCORES,
    NightModel,
    SpendModel,
    backtests_table,
    calibrations_table,
    level_name,
    model_version,
    parameters_table,
    repeated,
    totals_table,
)
from estimation.lifetime_value.predictive_intervals import (
    LEVELS,
    count_quantiles,
    money_quantiles,
)
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
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries, select
from estimation.lifetime_value.regularity import read_off

INTERVAL_HORIZON = 365
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
        once = _newcomer_fit(purchases, today, night.usable, starts)
        scores = pa.concat_tables(
            _scores(fit, part, spend.fit, settings)
            for fit, part in by_fit(night.usable, once, summaries)
        )
    return LifetimeValueEstimates(
        scores=scores,
        parameters=parameters_table(night, spend, settings.margin),
        backtests=backtests_table(history, night, spend, as_of, previous),
        calibrations=calibrations_table(history, night),
        totals=totals_table(scores, history, night),
        former=_former_scores(purchases, sample, as_of, night.name, starts),
    )


def month_ends(as_of: date, count: int = FORMER_MONTHS) -> list[date]:
    """The latest ``count`` last days of months before ``as_of``, latest first."""
    days, first = [], as_of.replace(day=1)
    for _ in range(count):
        days.append(first - timedelta(days=1))
        first = days[-1].replace(day=1)
    return days


def by_fit(
    own: UsableFit, once: UsableFit | None, summaries: PurchaseSummaries
) -> list[tuple[UsableFit, PurchaseSummaries]]:
    """Who is forecast by which fit: customers with x = 0 by ``once``, and by none where that is
    None.
    """
    if once is own:
        return [(own, summaries)]
    newcomers = summaries.repeats == 0
    parts = [(own, select(summaries, ~newcomers))]
    return [(once, select(summaries, newcomers)), *parts] if once else parts


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


def _with_newcomers(own: PurchaseModel) -> list[PurchaseModel]:
    """A model and the one that speaks for customers with x = 0 in its place."""
    return [own, MBG_NBD] if own.name == BG_NBD.name else [own]


def _newcomer_fit(
    purchases: PurchaseDays, today: int, usable: UsableFit, starts: Mapping[str, Fit]
) -> UsableFit | None:
    """The fit for customers with x = 0: MBG/NBD's where the champion is BG/NBD, which holds them
    alive by assumption.
    """
    if usable.fit.model != BG_NBD.name:
        return usable
    try:
        return usable_fit(purchases, today, MBG_NBD, starts.get(MBG_NBD.name))
    except FitRefused:
        return None


def _scores(
    usable: UsableFit,
    summaries: PurchaseSummaries,
    spend: SpendFit | None,
    settings: LifetimeValueSettings,
) -> pa.Table:
    fit, size = usable.fit, len(summaries)
    futures = {horizon: forecast(fit, summaries, float(horizon)) for horizon in SCORED_HORIZONS}
    columns: dict[str, object] = {
        **_who(usable, summaries),
        "customers": summaries.customers.astype(np.int64),
        "p_order_30d": futures[30].p_any,
        **{f"expected_orders_{h}d": future.expected for h, future in futures.items()},
        "discounted_orders": _discounted(fit, summaries, settings),
    }
    orders = count_quantiles(fit, summaries, INTERVAL_HORIZON)
    money = money_quantiles(fit, spend, summaries, INTERVAL_HORIZON) if spend else None
    for place, level in enumerate(LEVELS):
        columns[level_name("orders_365d", level)] = orders[place]
        values = pa.nulls(size, pa.float64()) if money is None else money[place]
        columns[level_name("value_365d", level)] = values
    return pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _former_scores(
    purchases: PurchaseDays,
    sample: PurchaseDays,
    as_of: date,
    name: str | None,
    starts: Mapping[str, Fit],
) -> Iterator[pa.Table]:
    if name is None:
        return
    days = [date_to_number(month_end) for month_end in month_ends(as_of)]
    with ThreadPoolExecutor(WORKERS) as workers:
        # Tables are large: no more of them than are computed at a time.
        for begin in range(0, len(days), WORKERS):
            for table in workers.map(
                lambda day: _scores_at(purchases, sample, day, name, starts),
                days[begin : begin + WORKERS],
            ):
                if table is not None:
                    yield table


def _scores_at(
    purchases: PurchaseDays, sample: PurchaseDays, day: int, name: str, starts: Mapping[str, Fit]
) -> pa.Table | None:
    known = customers_at(sample, day)
    sampled, _ = distinct_summaries(known)
    fits = fit_models(sampled, day, _with_newcomers(model(name)), starts).fits
    if name not in fits:
        return None
    spend = fit_spend_at(sample, known).fit
    summaries, _ = distinct_summaries(customers_at(purchases, day))
    own = UsableFit(fits[name], day, None)
    once: UsableFit | None = own
    if name == BG_NBD.name:
        once = UsableFit(fits[MBG_NBD.name], day, None) if MBG_NBD.name in fits else None
    return pa.concat_tables(
        _former(usable, part, spend) for usable, part in by_fit(own, once, summaries)
    )


def _former(usable: UsableFit, summaries: PurchaseSummaries, spend: SpendFit | None) -> pa.Table:
    size = len(summaries)
    columns: dict[str, object] = {
        "origin_date": repeated(usable.origin, size, pa.int32()).cast(pa.date32()),
        **_who(usable, summaries),
        "spend_p": repeated(spend.p if spend else None, size, pa.float64()),
        "spend_q": repeated(spend.q if spend else None, size, pa.float64()),
        "spend_v": repeated(spend.v if spend else None, size, pa.float64()),
    }
    for horizon in (30, 90):
        future = forecast(usable.fit, summaries, float(horizon))
        columns[f"expected_orders_{horizon}d"] = future.expected
    return pa.table({name: columns[name] for name in FORMER_SCORES.names}, schema=FORMER_SCORES)


def _who(usable: UsableFit, summaries: PurchaseSummaries) -> dict[str, object]:
    """The key columns, the model and P(alive), which is unknown where the model has not seen
    anybody leave and the customer has bought once.
    """
    size = len(summaries)
    unknown = (summaries.repeats == 0) & (usable.fit.limit == NO_DROPOUT)
    return {
        "repeat_purchase_days": summaries.repeats.astype(np.int64),
        "recency_days": summaries.recency.astype(np.int64),
        "tenure_days": summaries.tenure.astype(np.int64),
        "model": repeated(usable.fit.model, size, pa.string()),
        "model_version": repeated(model_version(usable), size, pa.string()),
        "p_alive": pa.array(p_alive(usable.fit, summaries), mask=unknown),
    }


def _discounted(fit: Fit, summaries: PurchaseSummaries, settings: LifetimeValueSettings) -> Floats:
    purchase_model = model(fit.model)
    rate = daily_rate(settings.yearly_discount)

    def discounted(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return discounted_purchases_if_alive(
            purchase_model, parameters, x, t_x, tenure, settings.lifetime_days, rate
        )

    alive = p_alive(fit, summaries)
    total: Floats = alive * look_up(fit, cells_of(summaries, purchase_model), discounted)
    return total
