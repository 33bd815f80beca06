"""The stable series against the textbook formula in eighty decimal digits."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest

from estimation.lifetime_value.expected_purchases import (
    mean_over_dropout,
    purchases_if_alive,
)
from estimation.lifetime_value.purchase_models import mbg_cnbd

PARAMETERS = [
    (0.2426, 4.4136, 0.7929, 2.4259),
    (0.243, 30.9, 1.0, 2.4),
    (0.5, 6.0, 1 + 1e-9, 1.6),
    (0.83, 9.8, 0.0034, 6.7),
    (0.3, 5.0, 0.9, 300.0),
    (2.0, 10.0, 50.0, 80.0),
    (0.1, 0.5, 3.0, 0.05),
]
CUSTOMERS = [
    (0, 0.0, 1.0),
    (0, 39.0, 39.0),
    (2, 38.86, 39.0),
    (26, 31.0, 52.0),
    (300, 1000.0, 10000.0),
    (1000, 3650.0, 365.0),
    (1, 100.0, 3650.0),
    (5, 200.0, 0.01),
]


def textbook(
    r: float, alpha: float, a: float, b: float, x: int, tenure: float, horizon: float
) -> float:
    """C/(a-1) (1 - (1-z)^(r+x) 2F1(r+x, b+x; C; z)), C = a+b+x-1; a = 1 is approached."""
    with localcontext() as context:
        context.prec = 80
        shape, rate, time = Decimal(r) + x, Decimal(alpha) + Decimal(tenure), Decimal(horizon)
        near = Decimal(a) if a != 1 else Decimal(1) + Decimal(10) ** -40
        chances = Decimal(b) + x
        top = near + chances - 1
        z = time / (rate + time)
        term = total = Decimal(1)
        k = 0
        while abs(term) > abs(total) * Decimal(10) ** -75 or k < 50:
            term *= (shape + k) * (chances + k) / ((top + k) * (k + 1)) * z
            total += term
            k += 1
        return float(top / (near - 1) * (1 - (rate / (rate + time)) ** shape * total))


@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("shift", [0, 1])
def test_expected_purchases_equal_the_textbook_to_twelve_digits(
    parameters: tuple[float, float, float, float], shift: int
) -> None:
    r, alpha, a, b = parameters
    for x, tenure, horizon in CUSTOMERS:
        reference = textbook(r, alpha, a, b + shift, x, tenure, horizon)
        found = float(purchases_if_alive(r + x, alpha + tenure, a, b + x + shift, horizon))
        assert found == pytest.approx(reference, rel=2.3e-12), (x, tenure, horizon)


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_the_mean_over_dropout_is_the_same_expectation(
    parameters: tuple[float, float, float, float],
) -> None:
    r, alpha, a, b = parameters
    for x, tenure, horizon in CUSTOMERS:
        reference = textbook(r, alpha, a, b + 1, x, tenure, horizon)
        arguments = [np.array([value]) for value in (r + x, alpha + tenure, b + x + 1, horizon)]
        assert mean_over_dropout(*arguments, a) == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("horizon", [1.0, 365.0, 1e4, 1e6])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
def test_a_horizon_far_beyond_the_history_has_a_finite_answer(horizon: float, alpha: float) -> None:
    shapes = np.array([0.2, 1.2, 30.2])
    found = purchases_if_alive(shapes, alpha + 5.0, 0.8, shapes + 2.0, horizon)
    assert np.isfinite(found).all()
    assert (found > 0).all()
    means = mean_over_dropout(
        shapes, np.full(3, alpha + 5.0), shapes + 2.0, np.full(3, horizon), 0.8
    )
    assert found == pytest.approx(means, rel=1e-9)


def test_without_dropout_purchases_go_on_at_the_posterior_rate() -> None:
    found = purchases_if_alive(3.5, 20.0, 0.0, 4.0, [0.0, 10.0, 1e5])
    assert found == pytest.approx([0.0, 3.5 * 10 / 20, 3.5 * 1e5 / 20], rel=1e-12)


def test_one_chance_to_leave_for_all_is_the_geometric_model() -> None:
    # a and b so large that p is 0.2 for everyone; nearly endless time ends at 1/p purchases.
    found = float(purchases_if_alive(5.0, 1.0, 2e5, 8e5, 1e7))
    assert found == pytest.approx(5.0, rel=1e-4)


def test_cells_are_computed_alike_alone_and_together() -> None:
    x, tenure = np.array([0.0, 3.0, 40.0]), np.array([10.0, 200.0, 900.0])
    together = purchases_if_alive(0.25 + x, 31 + tenure, 0.8, 2.5 + x, 365.0)
    for place in range(3):
        alone = purchases_if_alive(0.25 + x[place], 31 + tenure[place], 0.8, 2.5 + x[place], 365.0)
        assert float(alone) == together[place]


def test_counting_regular_purchases_in_steps_is_counting_them_one_by_one() -> None:
    purchase_model, parameters = mbg_cnbd(2), np.array([0.8, 12.0, 0.3, 6.0])
    customer = [np.array([value]) for value in (900.0, 890.0, 900.0)]
    one_by_one = sum(
        float(purchase_model.at_least_if_alive(parameters, *customer, 3650.0, np.array([count]))[0])
        for count in np.arange(1.0, 9000.0)
    )
    found = float(purchase_model.purchases_if_alive(parameters, *customer, 3650.0)[0])
    assert found == pytest.approx(one_by_one, rel=1e-5)
