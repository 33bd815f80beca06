"""Fitting the purchase models to summaries, with standard errors, limits and refusals.

Time is scaled to at most 10 while searching, so that one starting point serves days and weeks,
three months and thirty years; parameters and the log likelihood come back in the data's unit.

Degenerate data end in a finite answer or in FitRefused, never in numbers that merely look like an
answer:

- no customer ever leaves (a -> 0, or s -> 0): the limit without dropout, which is the negative
  binomial model, is returned with ``limit`` set (Fader, Hardie and Lee 2005: a = 0 is P(alive) = 1
  for everyone);
- all customers are as likely to leave (a and b -> infinity, or s and beta): a or s is held at
  ONE_CHANCE, ``limit`` set;
- nobody repeats, nobody has been observed yet, everybody buys at the same rate: refused.
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
SAME_DROPOUT = "one chance to leave for all"
# Chances to leave that scatter by a hundredth of themselves: with a or s beyond this, forecasts no
# longer change.
ONE_CHANCE = 1e4
# Two log likelihoods (of all customers) closer than this describe the data equally well.
SAME_LOG_LIKELIHOOD = 1e-3


@dataclass(frozen=True)
class Fit:
    """Parameters of one purchase model, in the unit of the data's time.

    ``parameters``, ``names`` and ``standard_errors`` run parallel; a parameter that stands at its
    ``limit`` has no standard error (nan). ``free``: which of them were estimated;
    ``log_covariance``: covariance of their logarithms, row by row. ``log_likelihood`` is of all
    ``customers`` with T > 0 (for k > 1 without the terms that hold no parameter).
    """

    model: str
    names: tuple[str, ...]
    parameters: tuple[float, ...]
    standard_errors: tuple[float, ...]
    free: tuple[int, ...]
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
    """Fit ``model`` by maximum likelihood. ``start``: an earlier fit of the same model to begin
    from.

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
        # Next to a limit the maximum is so flat that where the search stops depends on where it
        # began.
        if found.logarithms[2] > np.log(ONE_CHANCE / 10):
            raise FitRefused(f"{model.name}: chances to leave show no spread")
    except FitRefused as refused:
        limit = _limit(model, scaled, objective, refused)
        return _in_data_units(model, rows, scale, limit)
    return _in_data_units(model, rows, scale, _Found(found, np.exp(found.logarithms), ALL, None))


ALL = (0, 1, 2, 3)


@dataclass(frozen=True, eq=False)
class _Found:
    """A maximum over the ``free`` parameters, and all parameters in scaled time."""

    maximum: Maximum
    parameters: Floats
    free: tuple[int, ...]
    limit: str | None


def refuse_impossible(name: str, log_likelihood: float, rows: PurchaseSummaries) -> None:
    """Raise FitRefused where a log likelihood is higher than any purchase rates could make it.

    x purchases within t_x are likeliest under the rate x / t_x, so no model's density exceeds (x /
    t_x)^x e^-x. A search that wanders to parameters like 1e17 loses all digits of its gamma
    functions and reports such a value.
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
    """Mean log likelihood of (r, alpha) when nobody leaves: gamma rates, Poisson purchases
    (Ehrenberg 1959).
    """
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


def _limit(
    model: PurchaseModel, scaled: PurchaseSummaries, objective: Objective, refused: FitRefused
) -> _Found:
    """The better of the two limits that the likelihood may be rising towards. Raises FitRefused
    where neither has a maximum of its own.
    """
    found: list[_Found] = []
    reasons = [str(refused)]
    for attempt in (_without_dropout, _same_dropout):
        try:
            found.append(attempt(model, scaled, objective))
        except FitRefused as second:
            reasons.append(str(second))
    if not found:
        raise FitRefused("; ".join(reasons)) from refused
    best = max(limit.maximum.mean_log_likelihood for limit in found)
    same = SAME_LOG_LIKELIHOOD / float(scaled.customers.sum())
    # Of two that describe the data equally well, the simpler one, which comes first.
    return next(limit for limit in found if limit.maximum.mean_log_likelihood >= best - same)


def _without_dropout(
    model: PurchaseModel, scaled: PurchaseSummaries, objective: Objective
) -> _Found:
    """The limit without dropout, unless a little dropout describes the data better."""
    what = f"{model.name} without dropout"
    if model.regularity != 1:
        raise FitRefused(f"{what}: has no closed form for k = {model.regularity}")
    limit = maximise(negative_binomial(scaled), np.zeros(2), what)
    total = float(scaled.customers.sum())
    for few, many in ((1e-4, 1.0), (1e-2, 1e2)):
        near = np.concatenate([limit.logarithms, np.log([few, many])])
        if (objective(near)[0] - limit.mean_log_likelihood) * total > SAME_LOG_LIKELIHOOD:
            raise FitRefused(f"{what}: some customers do leave")
    parameters = np.concatenate([np.exp(limit.logarithms), model.without_dropout[2:]])
    return _Found(limit, parameters, (0, 1), NO_DROPOUT)


def _same_dropout(model: PurchaseModel, scaled: PurchaseSummaries, objective: Objective) -> _Found:
    """The maximum with the third parameter, a or s, held at ONE_CHANCE."""
    free = (0, 1, 3)

    def restricted(logarithms: Floats) -> tuple[float, Floats]:
        value, slopes = objective(np.insert(logarithms, 2, np.log(ONE_CHANCE)))
        return value, slopes[list(free)]

    start = np.array([0.0, 0.0, np.log(10 * ONE_CHANCE)])
    limit = maximise(restricted, start, f"{model.name} with one chance to leave for all")
    parameters = np.exp(np.insert(limit.logarithms, 2, np.log(ONE_CHANCE)))
    return _Found(limit, parameters, free, SAME_DROPOUT)


def _in_data_units(
    model: PurchaseModel, rows: PurchaseSummaries, scale: float, found: _Found
) -> Fit:
    if found.parameters[0] > ONE_CHANCE / 10:
        raise FitRefused(
            f"{model.name}: r = {found.parameters[0]:.3g}: everybody buys at the same rate, and "
            f"{rows.customers.sum():.0f} customers show no differences to learn from"
        )
    total = float(rows.customers.sum())
    parameters = found.parameters / np.where(model.is_time, scale, 1.0)
    covariance = found.maximum.covariance_per_customer / total
    free = list(found.free)
    errors = np.full(len(parameters), np.nan)
    errors[free] = parameters[free] * np.sqrt(np.diag(covariance))
    # A density of x purchase times has the unit of time to the power of -x (of k stages each: -kx).
    times = model.regularity * float(rows.customers @ rows.repeats)
    log_likelihood = found.maximum.mean_log_likelihood * total + times * np.log(scale)
    if model.regularity == 1:
        refuse_impossible(model.name, log_likelihood, rows)
    return Fit(
        model=model.name,
        names=model.names,
        parameters=tuple(float(value) for value in parameters),
        standard_errors=tuple(float(value) for value in errors),
        free=found.free,
        log_covariance=tuple(tuple(float(value) for value in row) for row in covariance),
        log_likelihood=float(log_likelihood),
        customers=total,
        gradient=found.maximum.gradient,
        limit=found.limit,
    )
