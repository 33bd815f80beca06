"""How regular purchases are: the k of MBG/CNBD-k, read off the data.

k = 1 is pure chance (exponential intervals, the assumption of BG/NBD and Pareto/NBD). Larger k
means that intervals between a customer's purchases scatter less around their mean than chance would
have it, so that an overdue customer is more alarming (Platzer and Reutterer 2016, Marketing Science
35; Reutterer, Platzer and Schroeder 2021, IJRM 38). The likelihood decides: models with k = 1, 2,
3... are fitted until it falls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.purchase_models import MBG_NBD, mbg_cnbd
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    observed,
)

MOST_REGULAR = 12
# A log likelihood that much higher comes by chance once in twenty (chi-squared, one parameter).
EVIDENCE = 1.92


def log_likelihood_with_intervals(
    found: Fit, regularity: int, repeats_in_total: float, log_intervals: float
) -> float:
    """Log likelihood that can be compared between different k.

    ``log_intervals``: sum of the logarithms of all intervals between a customer's neighbouring
    purchases, over all customers of the fit, in the fit's unit of time; ``repeats_in_total``: how
    many intervals these are.
    """
    constant = (regularity - 1) * log_intervals - repeats_in_total * gammaln(regularity)
    return float(found.log_likelihood + constant)


def read_off(
    summaries: PurchaseSummaries, log_intervals: float, most: int = MOST_REGULAR
) -> tuple[int, tuple[float, ...]]:
    """The k with the highest likelihood (1 unless chance would hardly show it), and the log
    likelihoods of k = 1, 2, ... as far as they were computed.

    Raises FitRefused where MBG/NBD itself cannot be fitted.
    """
    rows = observed(summaries)
    total = float(rows.customers @ rows.repeats)
    likelihoods = [fit(MBG_NBD, rows).log_likelihood]
    for k in range(2, most + 1):
        found = fit(mbg_cnbd(k), rows)
        likelihoods.append(log_likelihood_with_intervals(found, k, total, log_intervals))
        if likelihoods[-1] < likelihoods[-2]:
            break
    best = int(np.argmax(likelihoods))
    regularity = best + 1 if likelihoods[best] - likelihoods[0] > EVIDENCE else 1
    return regularity, tuple(likelihoods)


def wheat_morrison(intervals: Sequence[Floats]) -> float:
    """The same k without a model (Wheat and Morrison 1990, JMR 27), not rounded.

    ``intervals``: per customer with three purchases or more, the intervals between them in order.
    The share of an interval in the sum of two neighbours is beta(k, k) distributed, with variance 1
    / (4 (2k + 1)). Raises ValueError where nobody has two intervals.
    """
    shares = [row[-2] / (row[-2] + row[-1]) for row in intervals if len(row) > 1]
    if len(shares) < 2:
        raise ValueError(
            f"{len(shares)} customers have two intervals between purchases: regularity "
            "needs at least two of them. Keep k = 1"
        )
    variance = float(np.mean((np.array(shares) - 0.5) ** 2))
    return (1 - 4 * variance) / (8 * variance) if variance > 0 else float("inf")
