"""Does the champion, chosen on earlier origins only, forecast better than plain BG/NBD?

Walks over CDNOW's master file and Online Retail (RAPPORT_REALDATA) week by week. At each origin the
champion is chosen from the latest four complete origins of each horizon, 28 days apart, and its
total gets an interval as wide as the totals of these origins were off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.backtest import (
    HORIZONS,
    ORIGINS,
    WORKERS,
    Backtest,
    Evaluation,
    evaluate_origin,
)
from estimation.lifetime_value.champion import choose, gates
from estimation.lifetime_value.forecasting import forecast, naive_forecast
from estimation.lifetime_value.holdout_measures import HoldoutMeasures, count_outcomes, measure
from estimation.lifetime_value.portfolio import portfolio_interval
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    customers_at,
    distinct_summaries,
    purchases_within,
)
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD, PurchaseModel, mbg_cnbd
from tests.estimation.lifetime_value.real_purchases import (
    CDNOW_END,
    ONLINE_RETAIL_END,
    cdnow,
    online_retail,
)

WEEK = 7
SPACING = 4 * WEEK
FIGURES = ("mae", "rmse", "auc", "lift", "brier", "pearson", "spearman", "calibration_error")


@dataclass(frozen=True)
class Step:
    """One origin and horizon: the champion chosen beforehand, plain BG/NBD, and whether the actual
    total lay in the champion's interval.
    """

    champion: str
    own: HoldoutMeasures
    plain: HoldoutMeasures
    is_covered: bool


def walk(
    purchases: PurchaseDays, end: int, models: list[PurchaseModel], horizon: int
) -> list[Step]:
    """Every weekly origin whose ``horizon`` ends by ``end``, oldest first."""
    first = int(purchases.days.min())
    origins = range(end - min(HORIZONS), first + min(HORIZONS) - 1, -WEEK)
    with ThreadPoolExecutor(WORKERS) as workers:
        found = workers.map(lambda origin: _at(purchases, origin, first, end, models), origins)
    everything = {(each.origin, each.horizon, each.model): each for part in found for each in part}
    return list(_steps(purchases, everything, [each.name for each in models], horizon))


def _at(
    purchases: PurchaseDays, origin: int, first: int, end: int, models: list[PurchaseModel]
) -> list[Evaluation]:
    horizons = [days for days in HORIZONS if first + days <= origin <= end - days]
    return evaluate_origin(purchases, origin, horizons, models, {})[0]


def _steps(
    purchases: PurchaseDays,
    everything: dict[tuple[int, int, str], Evaluation],
    names: list[str],
    horizon: int,
) -> Iterator[Step]:
    for origin in sorted({day for day, days, _ in everything if days == horizon}):
        if (origin, horizon, BG_NBD.name) not in everything:
            continue
        earlier = [
            everything[place]
            for days in HORIZONS
            for back in range(ORIGINS)
            for name in names
            if (place := (origin - WEEK * -(-days // WEEK) - SPACING * back, days, name))
            in everything
        ]
        history = Backtest(tuple(earlier), ())
        ranking = choose(history, names, gates(history)).ranking
        champion = next(name for name in ranking if (origin, horizon, name) in everything)
        own = everything[origin, horizon, champion].measures
        misses = [
            float(np.log(each.measures.actual / each.measures.predicted))
            for each in earlier
            if (each.model, each.horizon) == (champion, horizon)
        ]
        interval = portfolio_interval(own.predicted, misses, horizon / SPACING)
        plain = _plain(purchases, everything[origin, horizon, BG_NBD.name])
        yield Step(champion, own, plain, interval.low <= own.actual <= interval.high)


def _plain(purchases: PurchaseDays, published: Evaluation) -> HoldoutMeasures:
    """BG/NBD as in the textbook, which holds one-time customers alive."""
    known = customers_at(purchases, published.origin)
    summaries, positions = distinct_summaries(known)
    future = forecast(published.fit, summaries, float(published.horizon))
    outcomes = count_outcomes(positions, purchases_within(purchases, known, published.horizon))
    naive = naive_forecast(summaries, float(published.horizon))
    return measure(summaries, future.expected, future.p_any, naive, outcomes)


def print_walk(title: str, steps: list[Step]) -> None:
    """Means over origins, champion beside plain BG/NBD."""
    chosen = {name: sum(step.champion == name for step in steps) for name in
              sorted({step.champion for step in steps})}  # fmt: skip
    covered = np.mean([step.is_covered for step in steps])
    print(f"\n{title}: {len(steps)} origins, champions {chosen}, 95 % intervals hold {covered:.3f}")
    for name in FIGURES:
        own, plain = (
            float(np.mean([getattr(getattr(step, side), name) for step in steps]))
            for side in ("own", "plain")
        )
        print(f"  {name:18} champion {own:8.4f}   BG/NBD {plain:8.4f}")
    ratios = [
        sum(getattr(step, side).predicted for step in steps)
        / sum(getattr(step, side).actual for step in steps)
        for side in ("own", "plain")
    ]
    naive, tied = (
        np.mean([getattr(step.own, name) for step in steps])
        for name in ("naive_spearman", "spearman_tied")
    )
    print(f"  {'total ratio':18} champion {ratios[0]:8.4f}   BG/NBD {ratios[1]:8.4f}")
    print(
        f"  rank correlation of the naive rate {naive:.4f}; champion's with x = 0 tied {tied:.4f}"
    )


def main(_: list[str]) -> None:
    """Print the comparison for both data sets and horizons."""
    for title, purchases, end, models in (
        ("CDNOW master", cdnow("CDNOW_master.txt"), CDNOW_END, [MBG_NBD, BG_NBD]),
        ("Online Retail", online_retail(), ONLINE_RETAIL_END, [MBG_NBD, BG_NBD, mbg_cnbd(2)]),
    ):
        for horizon in HORIZONS:
            print_walk(f"{title}, {horizon} days", walk(purchases, end, models, horizon))


if __name__ == "__main__":
    main(sys.argv[1:])
