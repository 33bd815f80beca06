"""Does the champion, chosen on earlier origins only, forecast better than plain BG/NBD?

Walks over CDNOW's master file and Online Retail (RAPPORT_REALDATA) week by week. At each origin the
champion is chosen from the latest four complete origins of each horizon, 28 days apart; the same
origins show the paces, and the total gets an interval as wide as their totals were off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.backtest import (
    HORIZONS,
    WORKERS,
    Backtest,
    Evaluation,
    Holdout,
    evaluate,
    hold_out,
    trials_of,
)
from estimation.lifetime_value.champion import choose, gates
from estimation.lifetime_value.forecasting import naive_forecast
from estimation.lifetime_value.holdout_measures import HoldoutMeasures, measure
from estimation.lifetime_value.pace import ORIGINS, Trial
from estimation.lifetime_value.portfolio import portfolio_interval
from estimation.lifetime_value.purchase_days import PurchaseDays
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
        found = list(
            workers.map(lambda origin: _at(purchases, origin, first, end, models), origins)
        )
    holdouts = {(each.origin, each.horizon): each for part in found for each in part}
    return list(_steps(holdouts, [each.name for each in models], horizon))


def _at(
    purchases: PurchaseDays, origin: int, first: int, end: int, models: list[PurchaseModel]
) -> list[Holdout]:
    horizons = [days for days in HORIZONS if first + days <= origin <= end - days]
    return hold_out(purchases, origin, horizons, models, {})[0]


def complete_before(origin: int, horizon: int) -> list[int]:
    """The four origins, weeks before, whose horizon has passed; some before anything was known."""
    latest = origin - WEEK * -(-horizon // WEEK)
    return [latest - SPACING * back for back in range(ORIGINS)]


def _steps(
    holdouts: dict[tuple[int, int], Holdout], names: list[str], horizon: int
) -> Iterator[Step]:
    trials = {place: trials_of(holdout) for place, holdout in holdouts.items()}
    evaluations = {
        (*place, name): evaluate(holdout, name, list(_known(trials, *place)))
        for place, holdout in holdouts.items()
        for name in holdout.fits
    }
    for origin in sorted({day for day, days in holdouts if days == horizon}):
        holdout = holdouts[origin, horizon]
        if BG_NBD.name not in holdout.fits:
            continue
        earlier = [
            evaluations[day, days, name]
            for days in HORIZONS
            for day in complete_before(origin, days)
            for name in names
            if (day, days, name) in evaluations
        ]
        history = Backtest(tuple(earlier), (), ())
        ranking = choose(history, names, gates(history)).ranking
        champion = next(name for name in ranking if name in holdout.fits)
        own = evaluations[origin, horizon, champion].measures
        misses = _misses(earlier, champion, horizon)
        interval = portfolio_interval(own.predicted, misses, horizon / SPACING)
        covered = interval.low <= own.actual <= interval.high
        yield Step(champion, own, _plain(holdout), covered)


def _known(
    trials: dict[tuple[int, int], list[Trial]], origin: int, horizon: int
) -> Iterator[Trial]:
    for day in complete_before(origin, horizon):
        yield from trials.get((day, horizon), [])


def _misses(earlier: list[Evaluation], champion: str, horizon: int) -> list[float]:
    return [
        float(np.log(each.measures.actual / each.measures.predicted))
        for each in earlier
        if (each.model, each.horizon) == (champion, horizon)
    ]


def _plain(holdout: Holdout) -> HoldoutMeasures:
    """BG/NBD as in the textbook, which holds one-time customers alive."""
    future = holdout.futures[BG_NBD.name]
    naive = naive_forecast(holdout.summaries, float(holdout.horizon))
    return measure(holdout.summaries, future.expected, future.p_any, naive, holdout.outcomes)


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
