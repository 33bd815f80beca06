"""Maximum likelihood over positive parameters: find the maximum, prove that it is one, say how sure it is.

The search runs over logarithms, with the mean log likelihood per customer, so that tolerances mean the same for a
hundred customers and ten million. A maximum counts only with a gradient of nearly zero and a positive definite
Hessian; a likelihood that keeps rising toward infinite or vanishing parameters has none, and the fit is refused by
name instead of returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

from estimation.lifetime_value.purchase_summaries import Floats

# Mean log likelihood and its gradient, both as functions of the parameters' logarithms.
Objective = Callable[[Floats], tuple[float, Floats]]

GRADIENT_TOLERANCE = 1e-6
# e^18 = 6.6e7 either way: with time scaled to at most 10, parameters of data that say anything lie far inside.
FARTHEST_LOGARITHM = 18.0
# Central differences of an exact gradient: the error of the second derivatives is about the step squared.
HESSIAN_STEP = 1e-4
NEWTON_STEPS = 12


class FitRefused(Exception):
    """The data have no usable maximum of the likelihood; the message says why, in terms of the data."""


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the mean log likelihood is highest: logarithms of the parameters, covariance of these logarithms for one
    customer (divide by the number of customers), and the largest entry of the gradient that was left.
    """

    logarithms: Floats
    mean_log_likelihood: float
    covariance_per_customer: Floats
    gradient: float


def maximise(objective: Objective, start: Floats, what: str) -> Maximum:
    """Maximise from ``start`` (logarithms, any length). ``what`` names the fit in errors.

    Raises FitRefused when the search ends away from a proper maximum.
    """

    def falling(logarithms: Floats) -> tuple[float, Floats]:
        value, slopes = objective(logarithms)
        return -value, -slopes

    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            falling,
            np.asarray(start, np.float64),
            method="L-BFGS-B",
            jac=True,
            bounds=[(-FARTHEST_LOGARITHM, FARTHEST_LOGARITHM)] * len(start),
            options={"maxiter": 500, "maxfun": 1000, "ftol": 1e-13, "gtol": 1e-7},
        )
        logarithms = polish(objective, found.x)
        value, slopes = objective(logarithms)
        curvature = -hessian(objective, logarithms)
    if not np.isfinite(value) or not np.isfinite(curvature).all():
        raise FitRefused(f"{what}: the likelihood is not a finite number at {np.exp(logarithms)}")
    if np.abs(slopes).max() > GRADIENT_TOLERANCE:
        raise FitRefused(
            f"{what}: did not converge, gradient {np.abs(slopes).max():.1e} at "
            f"{np.exp(logarithms)}"
        )
    return Maximum(logarithms, value, _inverse(curvature, logarithms, what), float(np.abs(slopes).max()))


def polish(objective: Objective, logarithms: Floats) -> Floats:
    """Newton steps from a good point: L-BFGS stops where the value no longer changes, which leaves the parameters
    right to four digits only where the likelihood is flat.
    """
    value, slopes = objective(logarithms)
    for _ in range(NEWTON_STEPS):
        if np.abs(slopes).max() < GRADIENT_TOLERANCE / 1e3:
            break
        try:
            step = np.linalg.solve(-hessian(objective, logarithms), slopes)
        except LinAlgError:
            break
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
        trial = np.clip(logarithms + step, -FARTHEST_LOGARITHM, FARTHEST_LOGARITHM)
        trial_value, trial_slopes = objective(trial)
        # Close to the maximum the value rounds to the same number: the gradient decides.
        rises = trial_value >= value - 1e-9 * abs(value)
        if not rises or np.abs(trial_slopes).max() >= np.abs(slopes).max():
            break
        logarithms, value, slopes = trial, trial_value, trial_slopes
    return logarithms


def hessian(objective: Objective, logarithms: Floats) -> Floats:
    """Second derivatives of the mean log likelihood in the logarithms, by central differences of the gradient."""
    size = len(logarithms)
    rows = []
    for step in np.eye(size) * HESSIAN_STEP:
        rows.append((objective(logarithms + step)[1] - objective(logarithms - step)[1]))
    second = np.array(rows) / (2 * HESSIAN_STEP)
    symmetric: Floats = (second + second.T) / 2
    return symmetric


def _inverse(curvature: Floats, logarithms: Floats, what: str) -> Floats:
    try:
        inverse: Floats = cho_solve(cho_factor(curvature), np.eye(len(curvature)))
    except LinAlgError:
        inverse = np.full_like(curvature, np.nan)
    # A direction in which a whole unit of the logarithm moves the mean log likelihood by less than 1e-9 is flat.
    flat = not np.isfinite(inverse).all() or np.linalg.eigvalsh(curvature)[0] < 1e-9
    if flat:
        raise FitRefused(
            f"{what}: the likelihood is flat or rising at {np.exp(logarithms)}: "
            "the data do not determine the parameters"
        )
    return inverse
