"""Expected number of purchases of a customer who is alive, under a beta-geometric dropout.

Given that the customer is alive at T, the rate is gamma distributed with ``shape`` (r + x) and ``rate`` (alpha + T), and
the chance p to leave after a purchase is beta distributed with ``a`` and ``chances`` (b + x, in MBG/NBD b + x + 1).
Then within t (Fader, Hardie and Lee 2005, equation 10, divided by P(alive)):

    G = (C / (a-1)) (1 - (1-z)^shape 2F1(shape, chances; C; z)),   z = t / (rate + t),   C = a + chances - 1

which is singular at a = 1 and overflows for long horizons. An Euler transformation lets a - 1 be cancelled by hand:

    G = C (-expm1(e l) / e) - exp(e l) S,     e = a - 1,  l = ln(1 - z)        [-l for the first quotient where e = 0]
    S = sum of s_k:  s_1 = A z,  s_{k+1} = s_k (A + k)(a + k - 1) / ((C + k)(k + 1)) z,  A = C - shape

Where z is so close to 1 that the sum is slow, the defining mean over p is integrated instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

from estimation.lifetime_value.purchase_summaries import Floats

MOST_TERMS = 4000
# Converged cells leave the loop when this many terms have been added since they were last looked for.
TERMS_PER_LOOK = 16
RELATIVE_ERROR = 1e-14
# Nodes of the trapezoidal rule per standard deviation of the integrand, and deviations to either side.
NODES_PER_DEVIATION = 8
DEVIATIONS = 12


def purchases_if_alive(
    shape: ArrayLike, rate: ArrayLike, a: float, chances: ArrayLike, horizon: ArrayLike
) -> Floats:
    """Expected purchases within ``horizon`` of customers alive now. Arguments broadcast; ``rate`` and ``horizon`` share
    a unit of time; all positive (``a`` = 0: nobody leaves; ``horizon`` = 0: none).
    """
    shape, rate, chances, horizon = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (shape, rate, chances, horizon))
    )
    flat = [value.ravel() for value in (shape, rate, chances, horizon)]
    result, converged = _series(*flat, a=a)
    for cell in np.flatnonzero(~converged):
        result[cell] = mean_over_dropout(*(float(value[cell]) for value in flat), a=a)
    return result.reshape(shape.shape)


def mean_over_dropout(
    shape: float, rate: float, chances: float, horizon: float, a: float
) -> float:
    """The same expectation as the mean over p of (1 - (rate / (rate + p t))^shape) / p, by the trapezoidal rule in the
    logit of p, which converges exponentially. The value at p = 0, shape t / rate, is taken out, so that a small ``a``
    (most customers hardly ever leave) does not stretch the integral.
    """
    share = horizon / rate
    deviation = np.sqrt((a + chances) / (a * chances)) if a > 0 else 1.0
    # The integrand falls like p^(1 + a) to the left and like (1 - p)^chances to the right.
    left = DEVIATIONS * min(deviation, 1.0) + 40 / (1 + a)
    right = DEVIATIONS * min(deviation, 1.0) + 40 / chances
    center = np.log(max(a, 1e-12) / chances)
    low, high = min(center, -np.log1p(share)) - left, max(center, 0.0) + right
    count = int(np.clip((high - low) / min(deviation, 1.0) * NODES_PER_DEVIATION, 400, 200_000))
    logit, step = np.linspace(low, high, count, retstep=True)
    p = 1 / (1 + np.exp(-logit))
    log_density = -a * np.logaddexp(0, -logit) - chances * np.logaddexp(0, logit)
    log_density -= betaln(a, chances) if a > 0 else 0.0
    at_zero = shape * share
    with np.errstate(invalid="ignore", divide="ignore"):
        value = -np.expm1(-shape * np.log1p(p * share)) / p
    excess = np.where(p > 0, value - at_zero, 0.0)
    return float(at_zero + step * (np.exp(log_density) @ excess)) if a > 0 else float(at_zero)


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
    converged = np.ones(len(z), dtype=bool)
    for k in range(1, MOST_TERMS + 1):
        if not len(live):
            break
        term = term * (start + k) * (a + k - 1) / ((top[live] + k) * (k + 1)) * z[live]
        summed += term
        if k % TERMS_PER_LOOK:
            continue
        value = first[live] - weight[live] * summed
        # From here on a term is at most `ratio` times the one before: what is left is a geometric sum.
        ratio = np.abs(start + k) * (a + k - 1) / ((top[live] + k) * (k + 1)) * z[live]
        ratio = np.maximum(ratio, z[live])
        rest = np.abs(term) * weight[live] * ratio
        done = (ratio < 1) & (rest < RELATIVE_ERROR * np.abs(value) * (1 - ratio))
        result[live] = value
        live, term, summed, start = live[~done], term[~done], summed[~done], start[~done]
    converged[live] = False
    return result, converged
