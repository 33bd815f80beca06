"""Non-negative weights of signals, drawn towards the present ones, that foretell the next orders.

A logistic regression of who ordered on the levels of the signals, one intercept per origin:
logit p = a_o + b sum_k u_k p_k x_k, with p_k the present points and x_k the level reached. u_k >= 0
keeps every sign; a normal prior around 1 draws u_k towards the present weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize
from scipy.special import expit

from estimation.engagement.ranking_areas import Booleans, Floats, Gain, compare

Integers = npt.NDArray[np.int64]

# Standard deviation of the prior of u: two thirds of all weights are thought to be right by half.
PRIOR_SPREAD = 0.5
# No weight may move by more than a fifth at a time (once a month), so that no score jumps.
LARGEST_STEP = 0.20
# A proposal is worth a review when it gains more than one standard error at three of four origins.
ORIGINS_TO_GAIN = 3


@dataclass(frozen=True, eq=False)
class Origins:
    """What was known of customers at the origins, and who ordered afterwards.

    ``levels``: shape (rows, signals), -1 to 1. ``happened``, ``origins``, ``customers``: shape
    (rows,), the latter two numbered from 0. ``points``: the present points of the signals, signed.
    """

    levels: Floats
    happened: Booleans
    origins: Integers
    customers: Integers
    points: Floats

    def of(self, rows: Booleans) -> Origins:
        """The rows alone."""
        return Origins(
            self.levels[rows],
            self.happened[rows],
            self.origins[rows],
            self.customers[rows],
            self.points,
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """Multiples of the present weights. ``errors`` (clustered by customer) are nan where a multiple
    is at its bound or its signal was never seen. ``is_seen``: shape (signals,).
    """

    multiples: Floats
    errors: Floats
    is_seen: Booleans


@dataclass(frozen=True, eq=False)
class Proposal:
    """``shares``: proposed shares of the score, shape (signals,), signed, their sizes adding up to
    1. ``gains``: by origin, each from a fit to the other origins only.
    """

    shares: Floats
    present_shares: Floats
    fit: Fit
    gains: tuple[Gain, ...]

    @property
    def origins_won(self) -> int:
        """At how many origins more than one standard error is gained."""
        return sum(gain.gain > gain.standard_error for gain in self.gains)

    @property
    def is_worth_a_review(self) -> bool:
        """Gains enough at enough origins."""
        return self.origins_won >= ORIGINS_TO_GAIN


def propose(data: Origins) -> Proposal:
    """New weights and what they would have gained. Raises ValueError where nothing can be learned:
    fewer origins than are needed to judge, or one at which nobody or everybody ordered.
    """
    count = len(np.unique(data.origins))
    if count < ORIGINS_TO_GAIN:
        raise ValueError(f"{count} origins with customers: at least {ORIGINS_TO_GAIN} are needed")
    gains = []
    for origin in range(count):
        own = data.origins == origin
        shares = stepped(data.points, fit(data.of(~own)))
        held_out = data.of(own)
        gains.append(
            compare(
                held_out.levels @ data.points,
                held_out.levels @ shares,
                held_out.happened,
            )
        )
    fitted = fit(data)
    present = data.points / np.abs(data.points).sum()
    return Proposal(stepped(data.points, fitted), present, fitted, tuple(gains))


def fit(data: Origins) -> Fit:
    """The multiples of greatest posterior density. Raises ValueError if the search fails."""
    is_seen = np.ptp(data.levels, axis=0) > 0
    if not is_seen.any():
        raise ValueError("no signal tells the customers apart")
    origins = np.unique(data.origins, return_inverse=True)[1]
    intercepts = np.eye(int(origins.max()) + 1)[origins]
    features = data.levels[:, is_seen] * data.points[is_seen]
    slope = _slope(intercepts, features.sum(axis=1), data.happened)
    design = np.hstack([intercepts, slope * features])
    prior = np.concatenate(
        [np.zeros(intercepts.shape[1]), np.full(features.shape[1], PRIOR_SPREAD**-2)]
    )
    start = np.concatenate([np.zeros(intercepts.shape[1]), np.ones(features.shape[1])])
    bounds = [(None, None)] * intercepts.shape[1] + [(0.0, None)] * features.shape[1]
    found = _maximum(design, data.happened, prior, start, bounds)
    free = found[intercepts.shape[1] :] > 0
    errors = _errors(design, data, prior, found)[intercepts.shape[1] :]
    multiples, all_errors = np.ones(len(is_seen)), np.full(len(is_seen), np.nan)
    multiples[is_seen] = found[intercepts.shape[1] :]
    all_errors[is_seen] = np.where(free, errors, np.nan)
    return Fit(multiples, all_errors, is_seen)


def stepped(points: Floats, fitted: Fit) -> Floats:
    """The fitted shares of the score, none further from the present one than the largest step.

    Signals that were never seen keep their share.
    """
    present = np.abs(points) / np.abs(points).sum()
    seen = fitted.is_seen
    room = float(present[seen].sum())

    def moved(scale: float) -> Floats:
        limited = np.clip(scale * fitted.multiples[seen], 1 - LARGEST_STEP, 1 + LARGEST_STEP)
        return np.asarray(present[seen] * limited)

    # The shares grow with the scale, from all at the lower step to all at the upper one.
    positive = fitted.multiples[seen][fitted.multiples[seen] > 0]
    shares = present.copy()
    if len(positive):
        highest = (1 + LARGEST_STEP) / float(positive.min())
        total = float(moved(highest).sum())
        if total > room:
            scale = brentq(lambda one: float(moved(one).sum()) - room, 0.0, highest)
            shares[seen] = moved(float(scale))
    return np.asarray(np.sign(points) * shares)


def _slope(intercepts: Floats, score: Floats, happened: Booleans) -> float:
    """What one point of the present score is worth in log odds; at least a little, so that there is
    something to move.
    """
    design = np.hstack([intercepts, score[:, None]])
    start = np.zeros(design.shape[1])
    found = _maximum(design, happened, start, start, [(None, None)] * design.shape[1])
    return max(float(found[-1]), 1e-3)


def _maximum(
    design: Floats,
    happened: Booleans,
    prior: Floats,
    start: Floats,
    bounds: Sequence[tuple[float | None, None]],
) -> Floats:
    def loss(values: Floats) -> tuple[float, Floats]:
        logits = design @ values
        apart = values - start
        size = np.logaddexp(0, logits).sum() - logits[happened].sum()
        slope = design.T @ (expit(logits) - happened)
        return float(size + (prior * apart**2).sum() / 2), slope + prior * apart

    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}
    )
    if not found.success:
        raise ValueError(f"the weights were not found: {found.message}")
    return np.asarray(found.x)


def _errors(design: Floats, data: Origins, prior: Floats, found: Floats) -> Floats:
    """Sandwich errors: one customer stands at several origins and is counted once."""
    chance = expit(design @ found)
    curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(prior)
    slopes = design * (data.happened - chance)[:, None]
    sums = np.zeros((int(data.customers.max()) + 1, design.shape[1]))
    np.add.at(sums, data.customers, slopes)
    inverse = np.linalg.pinv(curvature)
    return np.sqrt(np.diag(inverse @ (sums.T @ sums) @ inverse))
