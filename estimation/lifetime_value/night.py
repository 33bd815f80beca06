"""The lifetime value step of a night: purchase days in, forecasts for every kind of customer out.

    purchase days ─▶ rolling origins ─▶ champion ─▶ its fit today, or the latest that holds
                  ─▶ scores per (x, t_x, T), quality, totals

Two customers with the same x, t_x and T have the same future purchases, so scores are per distinct
summary, and SQL joins them to customers; money is added there with the customer's own mean value m:

    value per purchase day = spend_p (spend_v + x m) / (spend_p x + spend_q - 1)
    expected value         = expected orders * value per purchase day
    value quantile         = value_365d_q... * (spend_v + x m)
    lifetime value         = discounted_orders * value per purchase day * margin
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from estimation.lifetime_value import champion, gamma_gamma
from estimation.lifetime_value.backtest import backtest, previous_errors
from estimation.lifetime_value.discounting import daily_rate, discounted_purchases_if_alive
from estimation.lifetime_value.fallback import UsableFit, usable_fit
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.forecasting import cells_of, forecast, look_up, p_alive
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.night_tables import (
    PORTFOLIO,
    SCORED_HORIZONS,
    SCORES,
    level_name,
    parameters_table,
    portfolio_table,
    quality_table,
)
from estimation.lifetime_value.predictive_intervals import (
    LEVELS,
    count_quantiles,
    money_quantiles,
)
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    customers_at,
    date_to_number,
    distinct_summaries,
    log_intervals_at,
    read,
)
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
    model,
)
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    select,
)
from estimation.lifetime_value.recalibration import level_factor
from estimation.lifetime_value.regularity import read_off

INTERVAL_HORIZON = 365


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
    """The tables of a night, in the schemas SCORES, PARAMETERS (one row), QUALITY and PORTFOLIO.
    Where no model could be fitted, ``scores`` and ``portfolio`` are empty and the row of
    ``parameters`` has no model and says why.
    """

    scores: pa.Table
    parameters: pa.Table
    quality: pa.Table
    portfolio: pa.Table


@dataclass(frozen=True)
class _Spend:
    """Gamma-Gamma's fit and the correlation it takes to be zero, or why there is none."""

    fit: SpendFit | None
    correlation: float | None
    reason: str | None


def estimate(
    purchase_days: pa.Table, as_of: date, settings: LifetimeValueSettings | None = None
) -> LifetimeValueEstimates:
    """Everything lifetime value needs, from purchase days up to ``as_of`` (later ones are ignored).

    ``purchase_days``: ``customer_id``, ``ordered_date``, and ``net_value`` where the source has
    money; one row per customer and day with something bought and kept. Never raises FitRefused: a
    night without a model says so.
    """
    settings = settings or LifetimeValueSettings()
    purchases = read(purchase_days)
    today = date_to_number(as_of)
    models = _candidates(purchases, today)
    history = backtest(purchases, today, models)
    choice = champion.choose(history, [candidate.name for candidate in models])
    ranked = sorted(models, key=lambda each: choice.losses.get(each.name, float("inf")))
    ranked.sort(key=lambda each: each.name != choice.model)
    usable, refusals = _first_usable(purchases, today, ranked)
    spend = _fit_spend(purchases, today)
    name = usable.fit.model if usable else None
    own = [evaluation for evaluation in history.evaluations if evaluation.model == name]
    factor = level_factor(own)
    summaries, _ = distinct_summaries(customers_at(purchases, today))
    scores, portfolio = SCORES.empty_table(), PORTFOLIO.empty_table()
    previous: dict[tuple[int, int], float] = {}
    if usable is not None:
        previous = previous_errors(purchases, history, model(usable.fit.model))
        others = _one_time_fit(purchases, today, usable)
        scores = _scores(usable.fit, others, spend.fit, summaries, factor, settings)
        portfolio = portfolio_table(scores, own)
    return LifetimeValueEstimates(
        scores=scores,
        parameters=parameters_table(
            usable,
            refusals,
            {"choice_reason": choice.reason, "level_factor": factor}
            | _spend_columns(spend)
            | asdict(settings),
        ),
        quality=quality_table(history, usable, refusals, as_of, previous),
        portfolio=portfolio,
    )


def _candidates(purchases: PurchaseDays, today: int) -> list[PurchaseModel]:
    """The models that compete, the default first; one with regular purchases only where the data
    are regular.
    """
    candidates = [MBG_NBD, PARETO_NBD, BG_NBD]
    summaries, _ = distinct_summaries(customers_at(purchases, today))
    try:
        regularity, _ = read_off(summaries, log_intervals_at(purchases, today))
    except FitRefused:
        return candidates
    return [*candidates, mbg_cnbd(regularity)] if regularity > 1 else candidates


def _first_usable(
    purchases: PurchaseDays, today: int, ranked: list[PurchaseModel]
) -> tuple[UsableFit | None, dict[str, str]]:
    """The best model that has parameters which hold, and why better ones have none."""
    refusals: dict[str, str] = {}
    for candidate in ranked:
        try:
            return usable_fit(purchases, today, candidate), refusals
        except FitRefused as refused:
            refusals[candidate.name] = str(refused)
    return None, refusals


def _one_time_fit(purchases: PurchaseDays, today: int, usable: UsableFit) -> Fit:
    """The fit for customers with x = 0: the champion's, unless that is BG/NBD, which holds them
    alive by assumption.
    """
    if usable.fit.model != BG_NBD.name:
        return usable.fit
    try:
        return usable_fit(purchases, today, MBG_NBD).fit
    except FitRefused:
        return usable.fit


def _fit_spend(purchases: PurchaseDays, today: int) -> _Spend:
    known = customers_at(purchases, today)
    if not np.isfinite(purchases.values).any():
        return _Spend(None, None, "no source has money")
    summaries = gamma_gamma.summarise_spend(known.repeats, known.mean_value)
    try:
        found = gamma_gamma.fit_spend(summaries)
    except FitRefused as refused:
        return _Spend(None, None, str(refused))
    correlation = gamma_gamma.value_correlation(summaries)
    high = abs(correlation) > gamma_gamma.LARGEST_UNREMARKABLE_CORRELATION
    reason = f"frequency and value correlate by {correlation:.2f}" if high else None
    return _Spend(found, correlation, reason)


def _spend_columns(spend: _Spend) -> dict[str, float | str | None]:
    found = spend.fit
    return {
        "spend_p": found.p if found else None,
        "spend_q": found.q if found else None,
        "spend_v": found.v if found else None,
        "spend_correlation": spend.correlation,
        "spend_reason": spend.reason,
    }


def _scores(
    own: Fit,
    one_time: Fit,
    spend: SpendFit | None,
    summaries: PurchaseSummaries,
    factor: float,
    settings: LifetimeValueSettings,
) -> pa.Table:
    if one_time is own:
        return _scores_of(own, spend, summaries, factor, settings)
    once = summaries.repeats == 0
    return pa.concat_tables(
        [
            _scores_of(one_time, spend, select(summaries, once), factor, settings),
            _scores_of(own, spend, select(summaries, ~once), factor, settings),
        ]
    )


def _scores_of(
    fit: Fit,
    spend: SpendFit | None,
    summaries: PurchaseSummaries,
    factor: float,
    settings: LifetimeValueSettings,
) -> pa.Table:
    alive = p_alive(fit, summaries)
    futures = {horizon: forecast(fit, summaries, float(horizon)) for horizon in SCORED_HORIZONS}
    size = len(summaries)
    columns: dict[str, object] = {
        "repeat_purchase_days": summaries.repeats.astype(np.int64),
        "recency_days": summaries.recency.astype(np.int64),
        "tenure_days": summaries.tenure.astype(np.int64),
        "customers": summaries.customers.astype(np.int64),
        "model": pa.array([fit.model]).take(pa.array(np.zeros(size, dtype=np.int64))),
        "p_alive": alive,
        # A factor below 1 lowers the probability too, so that it never exceeds the expectation.
        "p_order_30d": futures[30].p_any * min(factor, 1.0),
    }
    for horizon, future in futures.items():
        columns[f"expected_orders_{horizon}d"] = future.expected * factor
    columns["discounted_orders"] = alive * factor * _discounted(fit, summaries, settings)
    orders = count_quantiles(fit, summaries, INTERVAL_HORIZON)
    for level, values in zip(LEVELS, orders, strict=True):
        columns[level_name("orders_365d", level)] = values
    money = money_quantiles(fit, spend, summaries, INTERVAL_HORIZON) if spend else None
    for place, level in enumerate(LEVELS):
        name = level_name("value_365d", level)
        columns[name] = pa.nulls(size, pa.float64()) if money is None else money[place]
    return pa.table(columns, schema=SCORES)


def _discounted(fit: Fit, summaries: PurchaseSummaries, settings: LifetimeValueSettings) -> Floats:
    purchase_model = model(fit.model)
    rate = daily_rate(settings.yearly_discount)

    def discounted(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return discounted_purchases_if_alive(
            purchase_model, parameters, x, t_x, tenure, settings.lifetime_days, rate
        )

    return look_up(fit, cells_of(summaries, purchase_model), discounted)
