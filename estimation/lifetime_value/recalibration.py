"""A level correction of the champion, learned on earlier origins only.

Expected counts are multiplied by one factor: what the totals of the latest origins missed on
average, shrunk towards 1 by how much they scatter. Most of what a total misses is season, which a
few earlier months cannot tell from a lasting bias; on CDNOW and Online Retail a full correction by
the latest origins makes the next total worse, not better. So the factor starts from the belief that
the bias is within 5 % (PRIOR_DEVIATION), and moves only as far as agreeing origins move it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from estimation.lifetime_value.backtest import STEP, Evaluation

PRIOR_DEVIATION = 0.05
# Totals of one month scatter by at least this much around any model (weather, campaigns, holidays).
LEAST_DEVIATION = 0.05
# Of a single origin per horizon, whose scatter cannot be seen (the scatter on CDNOW and Online
# Retail).
ASSUMED_DEVIATION = 0.12


def level_factor(evaluations: Sequence[Evaluation]) -> float:
    """Factor on the expected counts of one model, from its evaluations on earlier origins; 1
    without any.

    Per horizon, windows that overlap count as the number of windows that would fit side by side.
    """
    by_horizon: dict[int, list[float]] = {}
    for evaluation in evaluations:
        measures = evaluation.measures
        if measures.actual > 0 and measures.predicted > 0:
            miss = float(np.log(measures.actual / measures.predicted))
            by_horizon.setdefault(evaluation.horizon, []).append(miss)
    if not by_horizon:
        return 1.0
    misses = [float(np.mean(values)) for values in by_horizon.values()]
    counts = [
        1 + (len(values) - 1) * min(1.0, STEP / horizon) for horizon, values in by_horizon.items()
    ]
    scatters = [
        float(np.std(values, ddof=1)) if len(values) > 1 else ASSUMED_DEVIATION
        for values in by_horizon.values()
    ]
    scatter = max(float(np.mean(scatters)), LEAST_DEVIATION)
    count = float(np.mean(counts))
    weight = count / (count + (scatter / PRIOR_DEVIATION) ** 2)
    return float(np.exp(weight * np.mean(misses)))
