"""Scores of every kind of customer.

    expected orders of 30 and 90 days = mean of the models that speak * pace of the group
    expected orders of longer horizons, discounted orders, intervals = the champion's alone (for
                                        x = 0 MBG/NBD's)

Nothing has been learned about a year: the pace of 90 days, carried on to CDNOW's 39 weeks, makes
the champion's forecast worse (decision 0019).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from estimation.lifetime_value.backtest import HORIZONS, published_forecast
from estimation.lifetime_value.blending import newcomers_model
from estimation.lifetime_value.discounting import daily_rate, discounted_purchases_if_alive
from estimation.lifetime_value.fallback import UsableFit
from estimation.lifetime_value.fitting import NO_DROPOUT, Fit
from estimation.lifetime_value.forecasting import (
    Forecast,
    Outlook,
    expected_purchases,
    forecasts,
    if_alive,
    outlook,
)
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.night_tables import (
    FORMER_SCORES,
    SCORES,
    level_name,
    model_version,
    repeated,
)
from estimation.lifetime_value.pace import Paces, group_of
from estimation.lifetime_value.predictive_intervals import (
    LEVELS,
    count_quantiles,
    money_quantiles,
)
from estimation.lifetime_value.purchase_models import BG_NBD, model
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries, select

YEAR = 365.0


@dataclass(frozen=True, eq=False)
class Voices:
    """The champion's name, and by name the parameters of every model that speaks, its own included
    (`blending.speakers`).
    """

    champion: str
    usable: Mapping[str, UsableFit]

    @property
    def fits(self) -> dict[str, Fit]:
        """The parameters alone."""
        return {name: each.fit for name, each in self.usable.items()}


@dataclass(frozen=True, eq=False)
class Scored:
    """Published forecasts of HORIZONS, and the factors they were multiplied by."""

    futures: Mapping[int, Forecast]
    factors: Mapping[int, Paces]


def spoken_for(voices: Voices, summaries: PurchaseSummaries) -> PurchaseSummaries:
    """Everybody, but where BG/NBD speaks alone: it holds customers with x = 0 alive by assumption,
    so that nothing is said of them.
    """
    if set(voices.usable) == {BG_NBD.name}:
        return select(summaries, summaries.repeats > 0)
    return summaries


def scores_table(
    voices: Voices,
    summaries: PurchaseSummaries,
    paces: Mapping[int, Paces],
    spend: SpendFit | None,
    yearly_discount: float,
    lifetime_days: float,
) -> pa.Table:
    """One row per summary, in the schema SCORES; ``paces`` by horizon of HORIZONS."""
    ahead = outlook(voices.fits, summaries)
    scored = score(voices, ahead, paces)
    orders, money = _quantiles(voices, ahead, spend)
    columns: dict[str, object] = {
        **_who(voices, summaries, scored),
        **{f"pace_{horizon}d": _factor(scored, summaries, horizon) for horizon in HORIZONS},
        "customers": summaries.customers.astype(np.int64),
        "p_order_30d": scored.futures[30].p_any,
        "expected_orders_365d": orders_of_a_year(voices, ahead, scored),
        "discounted_orders": discounted_orders(voices, ahead, yearly_discount, lifetime_days),
    }
    for place, quantile in enumerate(LEVELS):
        columns[level_name("orders_365d", quantile)] = orders[place]
        values = pa.nulls(len(summaries), pa.float64()) if money is None else money[place]
        columns[level_name("value_365d", quantile)] = values
    return pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def former_table(
    voices: Voices,
    summaries: PurchaseSummaries,
    paces: Mapping[int, Paces],
    spend: SpendFit | None,
    day: int,
) -> pa.Table:
    """What would have been published on an earlier ``day`` (days since 1970-01-01)."""
    size = len(summaries)
    columns: dict[str, object] = {
        "origin_date": repeated(day, size, pa.int32()).cast(pa.date32()),
        **_who(voices, summaries, score(voices, outlook(voices.fits, summaries), paces)),
        "spend_p": repeated(spend.p if spend else None, size, pa.float64()),
        "spend_q": repeated(spend.q if spend else None, size, pa.float64()),
        "spend_v": repeated(spend.v if spend else None, size, pa.float64()),
    }
    return pa.table({name: columns[name] for name in FORMER_SCORES.names}, schema=FORMER_SCORES)


def score(voices: Voices, ahead: Outlook, paces: Mapping[int, Paces]) -> Scored:
    """The forecasts of HORIZONS: blended, every group at its pace, all together at the level. More
    days never hold fewer orders.
    """
    futures: dict[int, Forecast] = {}
    factors: dict[int, Paces] = {}
    fewest = np.zeros(len(ahead.summaries))
    for horizon in sorted(HORIZONS):
        own = forecasts(ahead, float(horizon))
        found, factors[horizon] = published_forecast(
            own, voices.champion, ahead.summaries, paces[horizon]
        )
        fewest = np.maximum(fewest, found.expected)
        futures[horizon] = Forecast(fewest, found.p_any, found.p_alive)
    return Scored(futures, factors)


def orders_of_a_year(voices: Voices, ahead: Outlook, scored: Scored) -> Floats:
    """Expected orders of 365 days, never fewer than those of 90."""

    def orders(known: Outlook, name: str) -> Floats:
        return expected_purchases(known, name, YEAR)

    return np.maximum(_alone(voices, ahead, orders), scored.futures[max(HORIZONS)].expected)


def discounted_orders(
    voices: Voices, ahead: Outlook, yearly_discount: float, lifetime_days: float
) -> Floats:
    """Expected orders within ``lifetime_days``, discounted continuously."""
    rate = daily_rate(yearly_discount)

    def orders(known: Outlook, name: str) -> Floats:
        purchase_model = model(known.fits[name].model)

        def discounted(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
            return discounted_purchases_if_alive(
                purchase_model, parameters, x, t_x, tenure, lifetime_days, rate
            )

        return if_alive(known, name, discounted)

    return _alone(voices, ahead, orders)


def _alone(voices: Voices, ahead: Outlook, function: Callable[[Outlook, str], Floats]) -> Floats:
    """Numbers by the champion alone, and by MBG/NBD for x = 0; the summaries run along the last
    axis. They are sorted by x, so that those with x = 0, which are few kinds, come first.
    """
    values = function(ahead, voices.champion)
    newcomers = newcomers_model(voices.champion, voices.usable)
    once = ahead.summaries.repeats == 0
    if newcomers != voices.champion and once.any():
        fits = {newcomers: voices.fits[newcomers]}
        values[..., once] = function(outlook(fits, select(ahead.summaries, once)), newcomers)
    return values


def _factor(scored: Scored, summaries: PurchaseSummaries, horizon: int) -> Floats:
    factor: Floats = scored.factors[horizon].orders[group_of(summaries)]
    return factor


def _who(voices: Voices, summaries: PurchaseSummaries, scored: Scored) -> dict[str, object]:
    """The key columns, the model, expected orders of HORIZONS, and P(alive), which is unknown where
    the model has not seen anybody leave and the customer has bought once.
    """
    newcomers = voices.usable[newcomers_model(voices.champion, voices.usable)]
    own = voices.usable[voices.champion]
    once = summaries.repeats == 0
    unknown = once & (newcomers.fit.limit == NO_DROPOUT)

    # Summaries are sorted by x, so that those with x = 0 come first.
    def named(first: str, rest: str) -> pa.Array:
        count = int(once.sum())
        parts = ((first, count), (rest, len(summaries) - count))
        return pa.concat_arrays([repeated(name, size, pa.string()) for name, size in parts])

    return {
        "repeat_purchase_days": summaries.repeats.astype(np.int64),
        "recency_days": summaries.recency.astype(np.int64),
        "tenure_days": summaries.tenure.astype(np.int64),
        "model": named(newcomers.fit.model, own.fit.model),
        "model_version": named(model_version(newcomers), model_version(own)),
        "p_alive": pa.array(scored.futures[min(HORIZONS)].p_alive, mask=unknown),
        **{f"expected_orders_{h}d": future.expected for h, future in scored.futures.items()},
    }


def _quantiles(
    voices: Voices, ahead: Outlook, spend: SpendFit | None
) -> tuple[Floats, Floats | None]:
    """Quantiles of a year's orders and money, each of shape (levels, summaries)."""

    def orders(known: Outlook, name: str) -> Floats:
        return count_quantiles(known.fits[name], known.summaries, YEAR)

    if spend is None:
        return _alone(voices, ahead, orders), None
    return _alone(voices, ahead, orders), _alone(voices, ahead, partial(_money, spend))


def _money(spend: SpendFit, known: Outlook, name: str) -> Floats:
    return money_quantiles(known.fits[name], spend, known.summaries, YEAR)
