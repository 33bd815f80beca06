"""Fitting the purchase models to summaries, with standard errors, limits and refusals.

Time is scaled to at most 10 while searching, so that one starting point serves days and weeks, three months and thirty
years; parameters and the log likelihood come back in the data's unit.

Degenerate data end in a finite answer or in FitRefused, never in numbers that merely look like an answer:

- no customer ever leaves (a -> 0, or s -> 0): the limit without dropout, which is the negative binomial model, is
  returned with ``limit`` set (Fader, Hardie and Lee 2005: a = 0 is P(alive) = 1 for everyone);
- nobody repeats, nobody has been observed yet, everybody buys at the same rate, dropout shows no spread: refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from estimation.lifetime_value.maximum_likelihood import (
    FitRefused,
    Maximum,
    Objective,
    maximise,
)
from estimation.lifetime_value.purchase_models import PurchaseModel
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    observed,
)

SCALED_TENURE = 10.0
NO_DROPOUT = "no dropout"
# Two log likelihoods (of all customers) closer than this describe the data equally well.
SAME_LOG_LIKELIHOOD = 1e-3


@dataclass(frozen=True)
class Fit:
    """Parameters of one purchase model, in the unit of the data's time.

    ``parameters``, ``names`` and ``standard_errors`` run parallel; a parameter that stands at its ``limit`` has no
    standard error (nan). ``log_covariance``: covariance of the logarithms of the free parameters (row by row).
    ``log_likelihood`` is of all ``customers`` with T > 0 (for k > 1 without the terms that hold no parameter).
    """

    model: str
    names: tuple[str, ...]
    parameters: tuple[float, ...]
    standard_errors: tuple[float, ...]
    log_covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    customers: float
    gradient: float
    limit: str | None = None

    @property
    def values(self) -> Floats:
        """The parameters as an array."""
        return np.array(self.parameters)


def fit(model: PurchaseModel, summaries: PurchaseSummaries, start: Fit | None = None) -> Fit:
    """Fit ``model`` by maximum likelihood. ``start``: an earlier fit of the same model to begin from.

    Raises FitRefused when the data do not carry the model.
    """
    rows = observed(summaries)
    _refuse_empty(rows, model.name)
    scale = SCALED_TENURE / float(rows.tenure.max())
    scaled = PurchaseSummaries(
        rows.repeats, rows.recency * scale, rows.tenure * scale, rows.customers
    )
    objective = model.objective(scaled)
    try:
        found = maximise(objective, _start(model, start, scale), model.name)
    except FitRefused as refused:
        without = _without_dropout(model, scaled, objective, refused)
        if without is None:
            raise
        return _in_data_units(model, rows, scale, without, NO_DROPOUT)
    return _in_data_units(model, rows, scale, found, None)


def refuse_impossible(name: str, log_likelihood: float, rows: PurchaseSummaries) -> None:
    """Raise FitRefused where a log likelihood is higher than any purchase rates could make it.

    x purchases within t_x are likeliest under the rate x / t_x, so no model's density exceeds (x / t_x)^x e^-x. A
    search that wanders to parameters like 1e17 loses all digits of its gamma functions and reports such a value.
    """
    repeaters = rows.repeats > 0
    x, t_x = rows.repeats[repeaters], rows.recency[repeaters]
    highest = float(rows.customers[repeaters] @ (x * np.log(x / t_x) - x))
    if not np.isfinite(log_likelihood) or log_likelihood > highest + 1e-6 * abs(highest) + 1e-9:
        raise FitRefused(
            f"{name}: a log likelihood of {log_likelihood:.6g} is impossible (at most "
            f"{highest:.6g} for these purchases): the search diverged"
        )


def negative_binomial(rows: PurchaseSummaries) -> Objective:
    """Mean log likelihood of (r, alpha) when nobody leaves: gamma rates, Poisson purchases (Ehrenberg 1959)."""
    total, repeats = rows.customers.sum(), rows.repeats

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        r, alpha = np.exp(logarithms)
        log_time = np.log(alpha + rows.tenure)
        each = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) - (r + repeats) * log_time
        by_r = psi(r + repeats) - psi(r) + np.log(alpha) - log_time
        by_alpha = r / alpha - (r + repeats) / (alpha + rows.tenure)
        slopes = np.array([r * (rows.customers @ by_r), alpha * (rows.customers @ by_alpha)])
        return float(rows.customers @ each) / total, slopes / total

    return objective


def _refuse_empty(rows: PurchaseSummaries, name: str) -> None:
    if not len(rows):
        raise FitRefused(f"{name}: no customer has been observed for longer than a day")
    if not rows.repeats.any():
        raise FitRefused(
            f"{name}: none of {rows.customers.sum():.0f} customers bought on a second day, "
            "so there is no rate to learn"
        )


def _start(model: PurchaseModel, start: Fit | None, scale: float) -> Floats:
    if start is None or start.limit is not None:
        return np.zeros(len(model.names))
    return np.log(start.values * np.where(model.is_time, scale, 1.0))


def _without_dropout(
    model: PurchaseModel, scaled: PurchaseSummaries, objective: Objective, refused: FitRefused
) -> Maximum | None:
    """The limit without dropout, if it describes the data as well as the model near it does; else None."""
    if model.regularity != 1:
        return None
    try:
        limit = maximise(negative_binomial(scaled), np.zeros(2), f"{model.name} without dropout")
    except FitRefused as second:
        raise FitRefused(f"{refused}; {second}") from refused
    total = float(scaled.customers.sum())
    # Dropout as likely as 1 in 10,000 around the same rates: if that describes the data better, people do leave.
    for few, many in ((1e-4, 1.0), (1e-2, 1e2)):
        near = np.concatenate([limit.logarithms, np.log([few, many])])
        if (objective(near)[0] - limit.mean_log_likelihood) * total > SAME_LOG_LIKELIHOOD:
            return None
    return limit


def _in_data_units(
    model: PurchaseModel,
    rows: PurchaseSummaries,
    scale: float,
    found: Maximum,
    limit: str | None,
) -> Fit:
    total = float(rows.customers.sum())
    free = len(found.logarithms)
    scaled = np.concatenate([np.exp(found.logarithms), model.without_dropout[free:]])
    parameters = scaled / np.where(model.is_time, scale, 1.0)
    covariance = found.covariance_per_customer / total
    errors = np.full(len(parameters), np.nan)
    errors[:free] = parameters[:free] * np.sqrt(np.diag(covariance))
    # A density of x purchase times has the unit of time to the power of -x (of k stages each: -kx).
    times = model.regularity * float(rows.customers @ rows.repeats)
    log_likelihood = found.mean_log_likelihood * total + times * np.log(scale)
    if model.regularity == 1:
        refuse_impossible(model.name, log_likelihood, rows)
    return Fit(
        model=model.name,
        names=model.names,
        parameters=tuple(float(value) for value in parameters),
        standard_errors=tuple(float(value) for value in errors),
        log_covariance=tuple(tuple(float(value) for value in row) for row in covariance),
        log_likelihood=float(log_likelihood),
        customers=total,
        gradient=found.gradient,
        limit=limit,
    )
