"""Which parameters the night may use: today's, unless they cannot be right; else those of the
latest earlier day that can.

Nothing is kept between nights. An earlier day's parameters are fitted again to the rows up to that
day, so that a rerun falls back to the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    customers_at,
    distinct_summaries,
    number_to_date,
)
from estimation.lifetime_value.purchase_models import PurchaseModel

MOST_DRIFT = 4.0
# How many days to go back, in this order, for parameters that hold.
DAYS_BACK = (0, 1, 2, 3, 7, 30, 60, 90)


@dataclass(frozen=True)
class UsableFit:
    """A fit that passed, the day it knows everything of (days since 1970-01-01), and, where that is
    not the day asked for, why the later ones did not pass.
    """

    fit: Fit
    origin: int
    stale_reason: str | None


def usable_fit(
    purchases: PurchaseDays, day: int, purchase_model: PurchaseModel, start: Fit | None = None
) -> UsableFit:
    """Fit at ``day``, or at the latest of the days before it that passes. ``start``: a fit to
    begin the search from. Raises FitRefused with every reason where none does.
    """
    known: dict[int, Fit | FitRefused] = {}
    reasons: list[str] = []
    for back in DAYS_BACK:
        origin = day - back
        found = _fit_at(purchases, origin, purchase_model, known, start)
        if isinstance(found, FitRefused):
            reasons.append(f"{number_to_date(origin)}: {found}")
            continue
        before = _fit_at(purchases, origin - 1, purchase_model, known, start)
        # Without a fit on the day before, nothing can have drifted.
        reason = None if isinstance(before, FitRefused) else drifted(before, found)
        if reason is None:
            return UsableFit(found, origin, "; ".join(reasons) or None)
        reasons.append(f"{number_to_date(origin)}: {reason}")
    raise FitRefused("; ".join(reasons))


def drifted(before: Fit, after: Fit) -> str | None:
    """Why two fits one day apart are too different to both be right, or None. Parameters at a limit
    are not compared: they have no standard error.
    """
    for place in sorted(set(before.free) & set(after.free)):
        move = abs(float(np.log(after.parameters[place] / before.parameters[place])))
        error = after.standard_errors[place] / after.parameters[place]
        if move > MOST_DRIFT * error:
            return (
                f"{after.names[place]} moved from {before.parameters[place]:.4g} to "
                f"{after.parameters[place]:.4g} in one day, {move / error:.1f} standard errors "
                f"(at most {MOST_DRIFT:.0f})"
            )
    return None


def _fit_at(
    purchases: PurchaseDays,
    day: int,
    purchase_model: PurchaseModel,
    known: dict[int, Fit | FitRefused],
    start: Fit | None,
) -> Fit | FitRefused:
    """The fit of one day, made once, or why there is none."""
    if day not in known:
        summaries, _ = distinct_summaries(customers_at(purchases, day))
        try:
            known[day] = fit(purchase_model, summaries, start)
        except FitRefused as refused:
            known[day] = refused
    return known[day]
