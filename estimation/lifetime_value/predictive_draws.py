"""Playing the future: exact draws of purchases and money, and where the truth fell in the
predictive distribution.

The generator is passed in, so that a seed gives the same draws. Draws are for portfolios, tests and
simulation; the customers' own intervals are computed without drawing (`predictive_intervals`).
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from estimation.lifetime_value import gamma_gamma
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.purchase_models import model
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries


def draw_purchases(
    random: Generator, fit: Fit, summaries: PurchaseSummaries, horizon: float
) -> Floats:
    """Purchases of one customer per summary within ``horizon``; shape (summaries,)."""
    return model(fit.model).draw(
        random, fit.values, summaries.repeats, summaries.recency, summaries.tenure, horizon
    )


def draw_money(
    random: Generator,
    fit: Fit,
    spend: SpendFit,
    summaries: PurchaseSummaries,
    mean_value: Floats,
    horizon: float,
) -> Floats:
    """Money of one customer per summary within ``horizon``; ``mean_value``: m (ignored where x =
    0).
    """
    purchases = draw_purchases(random, fit, summaries, horizon)
    return gamma_gamma.draw_values(random, spend, summaries.repeats, mean_value, purchases)


def draw_parameters(random: Generator, fit: Fit, size: int) -> Floats:
    """Parameters that the data would also allow (Laplace, in the logarithms), shape (size,
    parameters). A parameter at its limit stays there.
    """
    free = list(fit.free)
    drawn = np.tile(fit.values, (size, 1))
    steps = random.multivariate_normal(np.zeros(len(free)), np.array(fit.log_covariance), size)
    drawn[:, free] *= np.exp(steps)
    return drawn


def randomised_pit(
    random: Generator, fit: Fit, summaries: PurchaseSummaries, actual: Floats, horizon: float
) -> Floats:
    """Where each actual count fell in its predictive distribution: uniform on (0, 1) if the
    forecasts are right.

    Counts are discrete, so the position inside a count's probability is drawn (Czado, Gneiting and
    Held 2009, Biometrics 65). ``actual``: one customer per summary.
    """
    below = 1 - tail(fit, summaries, actual, horizon)
    above = 1 - tail(fit, summaries, actual + 1, horizon)
    position: Floats = below + random.random(len(actual)) * (above - below)
    return position


def tail(fit: Fit, summaries: PurchaseSummaries, count: Floats, horizon: float) -> Floats:
    """P(Y >= count) per summary, for counts >= 0."""
    purchase_model = model(fit.model)
    columns = (summaries.repeats, summaries.recency, summaries.tenure)
    alive = purchase_model.p_alive(fit.values, *columns)
    reached = purchase_model.at_least_if_alive(
        fit.values, *columns, horizon, np.maximum(count, 1.0)
    )
    return np.where(count > 0, alive * reached, 1.0)
