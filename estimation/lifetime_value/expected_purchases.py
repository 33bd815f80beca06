"""Expected number of purchases of a customer who is alive, under a beta-geometric dropout.

Given that the customer is alive at T, the rate is gamma distributed with ``shape`` (r + x) and
``rate`` (alpha + T), and the chance p to leave after a purchase is beta distributed with ``a`` and
``chances`` (b + x, in MBG/NBD b + x + 1). Then within t (Fader, Hardie and Lee 2005, equation 10,
divided by P(alive)):

    G = (C / (a-1)) (1 - (1-z)^shape 2F1(shape, chances; C; z))
    z = t / (rate + t),   C = a + chances - 1

which is singular at a = 1 and overflows for long horizons. An Euler transformation lets a - 1 be
cancelled by hand:

    G = C (-expm1(e l) / e) - exp(e l) S,     e = a - 1,  l = ln(1 - z)
    S = sum of s_k:  s_1 = A z,  s_{k+1} = s_k (A + k)(a + k - 1) / ((C + k)(k + 1)) z
    A = C - shape, and the first quotient is -l where e = 0

Where z is so close to 1 that the sum is slow, the defining mean over p is integrated instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, expit

from estimation.lifetime_value.purchase_summaries import Floats

MOST_TERMS = 4000
# Converged cells leave the loop when this many terms have been added since they were last looked
# for.
TERMS_PER_LOOK = 16
RELATIVE_ERROR = 1e-14
# Nodes of the trapezoidal rule per standard deviation of the integrand, and deviations to either
# side.
NODES_PER_DEVIATION = 8
DEVIATIONS = 12
MOST_NODES = 20_000
CELLS_PER_MEAN = 512


def purchases_if_alive(
    shape: ArrayLike, rate: ArrayLike, a: float, chances: ArrayLike, horizon: ArrayLike
) -> Floats:
    """Expected purchases within ``horizon`` of customers alive now. Arguments broadcast; ``rate``
    and ``horizon`` share a unit of time; all positive (``a`` = 0: nobody leaves; ``horizon`` = 0:
    none).
    """
    shape, rate, chances, horizon = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (shape, rate, chances, horizon))
    )
    flat = [value.ravel() for value in (shape, rate, chances, horizon)]
    result, converged = _series(flat[0], flat[1], flat[2], flat[3], a)
    slow = np.flatnonzero(~converged)
    for begin in range(0, len(slow), CELLS_PER_MEAN):
        part = slow[begin : begin + CELLS_PER_MEAN]
        own = [value[part] for value in flat]
        result[part] = mean_over_dropout(own[0], own[1], own[2], own[3], a)
    return result.reshape(shape.shape)


def mean_over_dropout(
    shape: Floats, rate: Floats, chances: Floats, horizon: Floats, a: float
) -> Floats:
    """The same expectation as the mean over p of (1 - (rate / (rate + p t))^shape) / p, by the
    trapezoidal rule in the logit of p, which converges exponentially. The value at p = 0, shape t /
    rate, is taken out, so that a small ``a`` (most customers hardly ever leave) does not stretch
    the integral. Arrays of one length.
    """
    at_zero = shape * horizon / rate
    if a == 0:
        return at_zero
    deviation = np.minimum(np.sqrt((a + chances) / (a * chances)), 1.0)
    center = np.log(a / chances)
    # The integrand falls like p^(1 + a) to the left and like (1 - p)^chances to the right.
    low = np.minimum(center, -np.log1p(horizon / rate)) - DEVIATIONS * deviation - 40 / (1 + a)
    high = np.maximum(center, 0.0) + DEVIATIONS * deviation + 40 / chances
    wanted = float(((high - low) / deviation).max()) * NODES_PER_DEVIATION
    count = int(np.clip(wanted, 400, MOST_NODES))
    share = (horizon / rate)[:, None]
    odds = low[:, None] + np.linspace(0, 1, count) * (high - low)[:, None]
    p = expit(odds)
    log_density = -a * np.logaddexp(0, -odds) - chances[:, None] * np.logaddexp(0, odds)
    density = (
        np.exp(log_density - betaln(a, chances)[:, None]) * (high - low)[:, None] / (count - 1)
    )
    if a >= 1:
        # The nodes span all of the density, and its own sum is closer to 1 than gamma functions of
        # large arguments are.
        density /= density.sum(axis=1, keepdims=True)
    value = -np.expm1(-shape[:, None] * np.log1p(p * share)) / np.maximum(p, 1e-300)
    excess = np.where(p > 0, value - at_zero[:, None], 0.0)
    total: Floats = at_zero + (density * excess).sum(axis=1)
    return total


def _series(
    shape: Floats, rate: Floats, chances: Floats, horizon: Floats, a: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """The stable series, and for which cells it converged."""
    z = horizon / (rate + horizon)
    log_rest = -np.log1p(horizon / rate)
    e, top = a - 1.0, a + chances - 1.0
    first = top * (-np.expm1(e * log_rest) / e if e else -log_rest)
    weight = np.exp(e * log_rest)
    total = (top - shape) * z
    result = first - weight * total
    live = np.flatnonzero(z > 0)
    term, summed = total[live], total[live].copy()
    start = (top - shape)[live]
    converged = z == 0
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, MOST_TERMS + 1):
            term = term * (start + k) * (a + k - 1) / ((top[live] + k) * (k + 1)) * z[live]
            summed += term
            if k % TERMS_PER_LOOK:
                continue
            value = first[live] - weight[live] * summed
            # From here on a term is at most `ratio` times the one before: what is left is a
            # geometric sum.
            ratio = np.abs(start + k) * (a + k - 1) / ((top[live] + k) * (k + 1)) * z[live]
            ratio = np.maximum(ratio, z[live])
            rest = np.abs(term) * weight[live] * ratio
            done = (ratio < 1) & (rest < RELATIVE_ERROR * np.abs(value) * (1 - ratio))
            result[live[done]] = value[done]
            converged[live[done]] = True
            going = ~done & np.isfinite(summed)
            live, term, summed, start = live[going], term[going], summed[going], start[going]
            if not len(live):
                break
    return result, converged
