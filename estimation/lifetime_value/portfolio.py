"""Intervals for totals: what all customers together will buy.

Neither the uncertainty of the parameters nor the chance in each customer's purchases covers what really moves a total:
seasons, campaigns, the economy (on CDNOW's 39 weeks the truth, 1,882, lies above all three textbook intervals). So the
width comes from how far the totals of earlier origins were off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

# Without an origin to learn from: the scatter of 30-day totals on CDNOW and Online Retail.
ASSUMED_DEVIATION = 0.15


@dataclass(frozen=True)
class PortfolioInterval:
    """Range of a total. ``residuals``: earlier origins behind it; 0 means the width was assumed."""

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

    ``misses``: ln(actual / predicted) of the same model and horizon at earlier origins; ``overlap``: horizon over the
    distance between neighbouring origins, at least 1, by which they repeat each other. Student's t for a new
    observation, around the forecast itself: the misses' mean is season as much as bias (see `recalibration`).
    """
    if not 0 < level < 1:
        raise ValueError(f"a level of {level} is no probability between 0 and 1: give e.g. 0.95")
    known = np.array([miss for miss in misses if np.isfinite(miss)])
    if len(known):
        independent = max(1.0, len(known) / max(overlap, 1.0))
        deviation = float(np.sqrt(np.mean(known**2)))
        reach = student.ppf((1 + level) / 2, independent) * deviation
        reach *= np.sqrt(1 + 1 / independent)
    else:
        reach = student.ppf((1 + level) / 2, 3.0) * ASSUMED_DEVIATION
    return PortfolioInterval(
        low=float(predicted * np.exp(-reach)),
        high=float(predicted * np.exp(min(reach, 50.0))),
        residuals=len(known),
    )
