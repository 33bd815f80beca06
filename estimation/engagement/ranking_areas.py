"""Areas under the ROC curve, and the standard error of the difference of two on the same people.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988): Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44, 837-845.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gain:
    """Areas of a present and a proposed ranking, and the standard error of their difference."""

    present: float
    proposed: float
    standard_error: float

    @property
    def gain(self) -> float:
        """Proposed minus present."""
        return self.proposed - self.present


def placements(values: Floats, happened: Booleans) -> Floats:
    """For each person, the share of those of the other outcome that are ranked the right way round,
    equals counting half. Their mean over either outcome is the area.
    """
    overall = rankdata(values)
    own = np.empty_like(overall)
    for outcome in (True, False):
        own[happened == outcome] = rankdata(values[happened == outcome])
    below = overall - own
    positives, negatives = int(happened.sum()), int((~happened).sum())
    return np.asarray(np.where(happened, below / negatives, 1 - below / positives))


def area(values: Floats, happened: Booleans) -> float:
    """The share of pairs of one person of either outcome that ``values`` rank the right way
    round.
    """
    return float(placements(values, happened)[happened].mean())


def compare(present: Floats, proposed: Floats, happened: Booleans) -> Gain:
    """Both rankings of the same people. Raises ValueError unless two or more had either outcome."""
    if min(happened.sum(), (~happened).sum()) < 2:
        raise ValueError("an area needs at least two people of either outcome")
    before, after = placements(present, happened), placements(proposed, happened)
    difference = after - before
    variance = sum(
        float(difference[group].var(ddof=1)) / int(group.sum()) for group in (happened, ~happened)
    )
    return Gain(float(before[happened].mean()), float(after[happened].mean()), variance**0.5)
