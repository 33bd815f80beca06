"""Scores of every kind of customer: the blended forecasts at their groups' paces, with intervals.

    expected orders = mean of the models that speak * pace of the group

30 and 90 days have paces of their own; longer horizons take that of 90 days, the longest that is
learned. A customer's intervals are the champion's (for x = 0 MBG/NBD's) over a year that runs at
the group's pace: 365 days times the pace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from estimation.lifetime_value.backtest import HORIZONS, forecasts
from estimation.lifetime_value.blending import blend, level, mix, newcomers_model
from estimation.lifetime_value.discounting import daily_rate, discounted_purchases_if_alive
from estimation.lifetime_value.fallback import UsableFit
from estimation.lifetime_value.fitting import NO_DROPOUT, Fit
from estimation.lifetime_value.forecasting import Forecast, cells_of, look_up, p_alive
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.night_tables import (
    FORMER_SCORES,
    SCORED_HORIZONS,
    SCORES,
    level_name,
    model_version,
    repeated,
)
from estimation.lifetime_value.pace import LAST_GROUP, Paces, at_level, group_of, paced
from estimation.lifetime_value.predictive_intervals import (
    LEVELS,
    count_quantiles,
    money_quantiles,
)
from estimation.lifetime_value.purchase_models import BG_NBD, model
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries, select

INTERVAL_HORIZON = 365


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
class _Scored:
    """Published forecasts by horizon, and the factors they were multiplied by."""

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
    scored = _scored(voices, summaries, paces, SCORED_HORIZONS)
    discounted = {
        name: discounted_orders(fit, summaries, yearly_discount, lifetime_days)
        for name, fit in voices.fits.items()
    }
    orders, money = _quantiles(voices, summaries, scored.factors[max(HORIZONS)], spend)
    columns: dict[str, object] = {
        **_who(voices, summaries, scored),
        "customers": summaries.customers.astype(np.int64),
        "p_order_30d": scored.futures[30].p_any,
        "discounted_orders": mix(discounted, voices.champion, summaries.repeats)
        * _factor(scored, summaries, max(HORIZONS)),
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
        **_who(voices, summaries, _scored(voices, summaries, paces, HORIZONS)),
        "spend_p": repeated(spend.p if spend else None, size, pa.float64()),
        "spend_q": repeated(spend.q if spend else None, size, pa.float64()),
        "spend_v": repeated(spend.v if spend else None, size, pa.float64()),
    }
    return pa.table({name: columns[name] for name in FORMER_SCORES.names}, schema=FORMER_SCORES)


def discounted_orders(
    fit: Fit, summaries: PurchaseSummaries, yearly_discount: float, lifetime_days: float
) -> Floats:
    """Expected orders of one model within ``lifetime_days``, discounted continuously."""
    purchase_model = model(fit.model)
    rate = daily_rate(yearly_discount)

    def discounted(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return discounted_purchases_if_alive(
            purchase_model, parameters, x, t_x, tenure, lifetime_days, rate
        )

    alive = p_alive(fit, summaries)
    total: Floats = alive * look_up(fit, cells_of(summaries, purchase_model), discounted)
    return total


def _scored(
    voices: Voices,
    summaries: PurchaseSummaries,
    paces: Mapping[int, Paces],
    horizons: tuple[int, ...],
) -> _Scored:
    """``horizons``: ascending. More days never hold fewer orders, whatever the paces."""
    futures: dict[int, Forecast] = {}
    factors: dict[int, Paces] = {}
    fewest = np.zeros(len(summaries))
    for horizon in horizons:
        own = forecasts(voices.fits, summaries, horizon)
        mixed = blend(own, voices.champion, summaries)
        if horizon in paces:
            total = level(own, voices.champion, summaries)
            factors[horizon] = at_level(paces[horizon], mixed, summaries, total)
        found = paced(mixed, summaries, factors[min(horizon, max(HORIZONS))])
        fewest = np.maximum(fewest, found.expected)
        futures[horizon] = Forecast(fewest, found.p_any, found.p_alive)
    return _Scored(futures, factors)


def _factor(scored: _Scored, summaries: PurchaseSummaries, horizon: int) -> Floats:
    factor: Floats = scored.factors[horizon].orders[group_of(summaries)]
    return factor


def _who(voices: Voices, summaries: PurchaseSummaries, scored: _Scored) -> dict[str, object]:
    """The key columns, the model, expected orders with their paces, and P(alive), which is unknown
    where the model has not seen anybody leave and the customer has bought once.
    """
    newcomers = voices.usable[newcomers_model(voices.champion, voices.usable)]
    own = voices.usable[voices.champion]
    once = summaries.repeats == 0
    unknown = once & (newcomers.fit.limit == NO_DROPOUT)

    # Summaries are sorted by x, so that those with x = 0 come first.
    def by_speaker(first: str, rest: str) -> pa.Array:
        count = int(once.sum())
        parts = ((first, count), (rest, len(summaries) - count))
        return pa.concat_arrays([repeated(name, size, pa.string()) for name, size in parts])

    return {
        "repeat_purchase_days": summaries.repeats.astype(np.int64),
        "recency_days": summaries.recency.astype(np.int64),
        "tenure_days": summaries.tenure.astype(np.int64),
        "model": by_speaker(newcomers.fit.model, own.fit.model),
        "model_version": by_speaker(model_version(newcomers), model_version(own)),
        "p_alive": pa.array(scored.futures[min(HORIZONS)].p_alive, mask=unknown),
        **{f"pace_{h}d": _factor(scored, summaries, h) for h in HORIZONS},
        **{f"expected_orders_{h}d": future.expected for h, future in scored.futures.items()},
    }


def _quantiles(
    voices: Voices, summaries: PurchaseSummaries, factors: Paces, spend: SpendFit | None
) -> tuple[Floats, Floats | None]:
    """Quantiles of orders and of money, each of shape (levels, summaries), group by group."""
    orders = np.zeros((len(LEVELS), len(summaries)))
    money = np.zeros_like(orders) if spend else None
    edges = np.searchsorted(group_of(summaries), np.arange(LAST_GROUP + 2))
    for group in range(LAST_GROUP + 1):
        own = slice(int(edges[group]), int(edges[group + 1]))
        if own.start == own.stop:
            continue
        name = voices.champion if group else newcomers_model(voices.champion, voices.usable)
        part = PurchaseSummaries(
            summaries.repeats[own],
            summaries.recency[own],
            summaries.tenure[own],
            summaries.customers[own],
        )
        horizon = INTERVAL_HORIZON * float(factors.orders[group])
        orders[:, own] = count_quantiles(voices.fits[name], part, horizon)
        if money is not None and spend is not None:
            money[:, own] = money_quantiles(voices.fits[name], spend, part, horizon)
    return orders, money
