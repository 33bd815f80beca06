"""Maximum likelihood over positive parameters: find the maximum, prove that it is one, say how sure
it is.

The search runs over logarithms, with the mean log likelihood per customer, so that tolerances mean
the same for a hundred customers and ten million. A maximum counts only with a gradient of nearly
zero and a positive definite Hessian; a likelihood that keeps rising toward infinite or vanishing
parameters has none, and the fit is refused by name instead of returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.purchase_summaries import Floats

# Mean log likelihood and its gradient, both as functions of the parameters' logarithms.
Objective = Callable[[Floats], tuple[float, Floats]]

GRADIENT_TOLERANCE = 1e-6
# The search hands over to Newton's steps here.
SEARCH_TOLERANCE = 1e-8
# e^18 = 6.6e7 either way: with time scaled to at most 10, parameters of data that say anything lie
# far inside.
FARTHEST_LOGARITHM = 18.0
LONGEST_STEP = 1.5
MOST_STEPS = 300
MOST_HALVINGS = 30
# Central differences of an exact gradient: the error of the second derivatives is about the step
# squared.
HESSIAN_STEP = 1e-4
MOST_HESSIANS = 8
NEWTON_STEPS = 6


class FitRefused(Exception):
    """The data have no usable maximum of the likelihood; the message says why, in terms of the
    data.
    """


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the mean log likelihood is highest: logarithms of the parameters, covariance of these
    logarithms for one customer (divide by the number of customers), and the largest entry of the
    gradient that was left.
    """

    logarithms: Floats
    mean_log_likelihood: float
    covariance_per_customer: Floats
    gradient: float


def maximise(objective: Objective, start: Floats, what: str) -> Maximum:
    """Maximise from ``start`` (logarithms, any length). ``what`` names the fit in errors.

    Raises FitRefused when the search ends away from a proper maximum.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        near = climb(objective, np.asarray(start, np.float64))
        logarithms, curvature = polish(objective, near)
        value, slopes = objective(logarithms)
    if not np.isfinite(value) or not np.isfinite(curvature).all():
        raise FitRefused(f"{what}: the likelihood is not a finite number at {np.exp(logarithms)}")
    left = float(np.abs(slopes).max())
    if left > GRADIENT_TOLERANCE:
        raise FitRefused(f"{what}: did not converge, gradient {left:.1e} at {np.exp(logarithms)}")
    return Maximum(logarithms, value, _inverse(curvature, logarithms, what), left)


def climb(objective: Objective, start: Floats) -> Floats:
    """Quasi-Newton ascent (BFGS) with backtracking, until the gradient is small or no step rises.

    Written out because a handful of parameters needs no linear algebra library: the usual one
    starts threads for every step, which costs more than the step on a busy machine.
    """
    place = start
    value, slopes = objective(place)
    inverse = np.eye(len(start))
    for _ in range(MOST_STEPS):
        if np.abs(slopes).max() < SEARCH_TOLERANCE:
            break
        direction = inverse @ slopes
        if slopes @ direction <= 0:
            inverse, direction = np.eye(len(start)), slopes
        found = _rise(objective, place, value, slopes, direction)
        if found is None:
            break
        move, turn = found[0] - place, slopes - found[2]
        place, value, slopes = found
        inverse = _updated(inverse, move, turn)
    return place


def polish(objective: Objective, logarithms: Floats) -> tuple[Floats, Floats]:
    """Newton's steps from a good point, and the curvature (minus the Hessian) there: a search by
    values leaves the parameters right to four digits only where the likelihood is flat.

    One Hessian serves several steps; a new one is made when they no longer help.
    """
    value, slopes = objective(logarithms)
    curvature = -hessian(objective, logarithms)
    for _ in range(MOST_HESSIANS):
        before = logarithms
        for _ in range(NEWTON_STEPS):
            if np.abs(slopes).max() < GRADIENT_TOLERANCE / 1e5:
                break
            try:
                step = np.linalg.solve(curvature, slopes)
            except np.linalg.LinAlgError:
                break
            step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
            trial = np.clip(logarithms + step, -FARTHEST_LOGARITHM, FARTHEST_LOGARITHM)
            trial_value, trial_slopes = objective(trial)
            # Close to the maximum the value rounds to the same number: the gradient decides.
            rises = trial_value >= value - 1e-9 * abs(value)
            if not rises or np.abs(trial_slopes).max() >= np.abs(slopes).max():
                break
            logarithms, value, slopes = trial, trial_value, trial_slopes
        moved = float(np.abs(logarithms - before).max())
        if moved == 0:
            break
        if moved > HESSIAN_STEP:
            curvature = -hessian(objective, logarithms)
        if np.abs(slopes).max() < GRADIENT_TOLERANCE / 1e3:
            break
    return logarithms, curvature


def hessian(objective: Objective, logarithms: Floats) -> Floats:
    """Second derivatives of the mean log likelihood in the logarithms, by central differences of
    the gradient.
    """
    size = len(logarithms)
    rows = []
    for step in np.eye(size) * HESSIAN_STEP:
        rows.append(objective(logarithms + step)[1] - objective(logarithms - step)[1])
    second = np.array(rows) / (2 * HESSIAN_STEP)
    symmetric: Floats = (second + second.T) / 2
    return symmetric


def _inverse(curvature: Floats, logarithms: Floats, what: str) -> Floats:
    # A direction in which a whole unit of the logarithm moves the mean log likelihood by less than
    # 1e-9 is flat.
    if np.linalg.eigvalsh(curvature)[0] < 1e-9:
        raise FitRefused(
            f"{what}: the likelihood is flat or rising at {np.exp(logarithms)}: "
            "the data do not determine the parameters"
        )
    inverse: Floats = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    return inverse


def _rise(
    objective: Objective, place: Floats, value: float, slopes: Floats, direction: Floats
) -> tuple[Floats, float, Floats] | None:
    """The first of ever shorter steps along ``direction`` that rises as its slope promises: where,
    how high, and the gradient there; None if none does.
    """
    length = min(1.0, LONGEST_STEP / max(float(np.abs(direction).max()), 1e-300))
    for _ in range(MOST_HALVINGS):
        trial = np.clip(place + length * direction, -FARTHEST_LOGARITHM, FARTHEST_LOGARITHM)
        trial_value, trial_slopes = objective(trial)
        promised = 1e-4 * float(slopes @ (trial - place))
        if np.isfinite(trial_value) and trial_value >= value + max(promised, 0.0):
            return (trial, trial_value, trial_slopes) if (trial != place).any() else None
        length /= 2
    return None


def _updated(inverse: Floats, move: Floats, turn: Floats) -> Floats:
    """The BFGS update of the inverse curvature; unchanged where the ground curves upwards."""
    bend = float(move @ turn)
    if not bend > 1e-12 * float(np.linalg.norm(move) * np.linalg.norm(turn)):
        return inverse
    if (inverse == np.eye(len(inverse))).all():
        inverse = inverse * bend / float(turn @ turn)
    left = np.eye(len(inverse)) - np.outer(move, turn) / bend
    updated: Floats = left @ inverse @ left.T + np.outer(move, move) / bend
    return updated
