"""Intervals for totals: what all customers together will buy.

Neither the uncertainty of the parameters nor the chance in each customer's purchases covers what
really moves a total: seasons, campaigns, the economy (on CDNOW's 39 weeks the truth, 1,882, lies
above all three textbook intervals). So the width comes from how far the totals of earlier origins
were off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

# How far a month's total is off where seasons have not been seen yet, and how many months of seen
# misses weigh as much as this belief: on Online Retail, whose first autumn doubles the totals,
# narrower intervals fail before the year is full.
ASSUMED_DEVIATION = 0.20
ASSUMED_MONTHS = 8.0


@dataclass(frozen=True)
class PortfolioInterval:
    """Range of a total. ``residuals``: earlier origins behind it; 0: the width is all belief."""

    low: float
    high: float
    residuals: int


def portfolio_interval(
    predicted: float,
    misses: Sequence[float],
    overlap: float = 1.0,
    level: float = 0.95,
) -> PortfolioInterval:
    """Interval around ``predicted`` that holds the actual total with probability ``level``.

    ``misses``: ln(actual / predicted) of the same model and horizon at earlier origins;
    ``overlap``: horizon over the distance between neighbouring origins, at least 1, by which they
    repeat each other. Student's t for a new observation, around the forecast itself: the misses'
    mean is season as much as bias.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level of {level} is no probability between 0 and 1: give e.g. 0.95")
    known = np.array([miss for miss in misses if np.isfinite(miss)])
    independent = len(known) / max(overlap, 1.0)
    seen = float(np.mean(known**2)) if len(known) else 0.0
    freedom = independent + ASSUMED_MONTHS
    variance = (independent * seen + ASSUMED_MONTHS * ASSUMED_DEVIATION**2) / freedom
    reach = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance * (1 + 1 / freedom)))
    return PortfolioInterval(
        low=predicted * float(np.exp(-reach)),
        high=predicted * float(np.exp(reach)),
        residuals=len(known),
    )
