"""Draws, tail probabilities, quantiles and the randomised position agree with each other."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.lifetime_value import gamma_gamma
from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.forecasting import forecast
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.predictive_draws import (
    draw_money,
    draw_parameters,
    draw_purchases,
    randomised_pit,
    tail,
)
from estimation.lifetime_value.predictive_intervals import (
    LEVELS,
    count_quantiles,
    money_quantiles,
)
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
)
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries, summarise
from tests.estimation.lifetime_value.played_customers import play_mbg

EVERY_MODEL = [BG_NBD, MBG_NBD, PARETO_NBD, mbg_cnbd(2)]
DRAWS = 60_000
SPEND = SpendFit(6.25, 3.74, 15.44, (0.0, 0.0, 0.0), (), 0.0, 1.0)
CUSTOMERS = [(0, 0, 200), (1, 150, 220), (3, 75, 190), (9, 209, 231), (60, 240, 244)]


def made_up(purchase_model: PurchaseModel) -> Fit:
    parameters = (0.55, 45.0, 0.85, 60.0 if purchase_model is PARETO_NBD else 2.2)
    return Fit(
        purchase_model.name,
        purchase_model.names,
        parameters,
        (0.05, 4.0, 0.1, 1.0),
        (0, 1, 2, 3),
        tuple(tuple(row) for row in np.diag([0.01, 0.01, 0.02, 0.04])),
        0.0,
        1.0,
        0.0,
    )


def copies(customer: tuple[int, int, int], count: int = DRAWS) -> PurchaseSummaries:
    return PurchaseSummaries(*(np.full(count, float(value)) for value in (*customer, 1)))


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_draws_have_the_expected_mean_and_tails(purchase_model: PurchaseModel) -> None:
    found = made_up(purchase_model)
    random = np.random.default_rng(12)
    for customer in CUSTOMERS:
        drawn = draw_purchases(random, found, copies(customer), 180.0)
        one = copies(customer, 1)
        error = drawn.std() / np.sqrt(DRAWS)
        assert drawn.mean() == pytest.approx(
            float(forecast(found, one, 180.0).expected[0]), abs=5 * error + 1e-12
        )
        for count in (1, 2, 4, 10, 40):
            share = float((drawn >= count).mean())
            exact = float(tail(found, one, np.array([float(count)]), 180.0)[0])
            assert share == pytest.approx(exact, abs=5 * np.sqrt(0.25 / DRAWS))


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_count_quantiles_are_the_smallest_counts_that_reach_their_level(
    purchase_model: PurchaseModel,
) -> None:
    found = made_up(purchase_model)
    summaries = summarise(*np.array(CUSTOMERS, dtype=np.float64).T)
    quantiles = count_quantiles(found, summaries, 365.0)
    for level, row in zip(LEVELS, quantiles, strict=True):
        beyond = tail(found, summaries, row + 1, 365.0)
        reached = tail(found, summaries, row, 365.0)
        assert (1 - beyond >= level - 1e-9).all()
        assert ((row == 0) | (1 - reached < level)).all()
    assert (np.diff(quantiles, axis=0) >= 0).all()


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_money_quantiles_hold_their_share_of_draws(purchase_model: PurchaseModel) -> None:
    found = made_up(purchase_model)
    random = np.random.default_rng(7)
    for customer in CUSTOMERS:
        own = copies(customer)
        mean = np.full(DRAWS, 21.0)
        drawn = draw_money(random, found, SPEND, own, mean, 365.0)
        unit = SPEND.v + customer[0] * 21.0
        quantiles = money_quantiles(found, SPEND, copies(customer, 1), 365.0)[:, 0] * unit
        # t_x is replaced by its typical value where k > 1: five times the error of the draws.
        allowed = 0.02 if purchase_model.uses_recency else 0.008
        for level, quantile in zip(LEVELS, quantiles, strict=True):
            below = float((drawn <= quantile).mean())
            if quantile == 0:
                assert below >= level - allowed
            else:
                assert below == pytest.approx(level, abs=allowed)


def test_money_quantiles_of_many_ages_are_interpolated_closely() -> None:
    found = made_up(MBG_NBD)
    tenure = np.arange(5.0, 900.0, 7.0)
    many = summarise(np.full(len(tenure), 2.0), np.full(len(tenure), 4.0), tenure)
    together = money_quantiles(found, SPEND, many, 365.0, (0.9, 0.975, 0.999))
    for place in range(0, len(tenure), 16):
        alone = summarise([2.0], [4.0], [tenure[place]])
        exact = money_quantiles(found, SPEND, alone, 365.0, (0.9, 0.975, 0.999))
        assert together[:, place] == pytest.approx(exact[:, 0], rel=0.01)


def test_positions_are_uniform_where_the_model_is_true_and_not_where_it_is_false() -> None:
    found = made_up(MBG_NBD)
    random = np.random.default_rng(3)
    rows = [(0, 0, 200)] * 4000 + [(3, 75, 190)] * 3000 + [(9, 209, 231)] * 3000
    own = PurchaseSummaries(*np.array(rows, dtype=np.float64).T, np.ones(len(rows)))
    actual = draw_purchases(random, found, own, 180.0)

    def distance(positions: np.ndarray) -> float:
        ordered = np.sort(positions)
        return float(np.abs(ordered - np.arange(1, len(ordered) + 1) / len(ordered)).max())

    right = randomised_pit(random, found, own, actual, 180.0)
    assert ((right >= 0) & (right <= 1)).all()
    assert distance(right) < 1.63 / np.sqrt(len(rows))
    assert 0.94 <= float(((right > 0.025) & (right < 0.975)).mean()) <= 0.96
    wrong = randomised_pit(random, found, own, actual + 1, 180.0)
    assert distance(wrong) > 0.2


def test_a_seed_gives_the_same_draws() -> None:
    found, own = made_up(PARETO_NBD), copies((3, 75, 190), 500)
    first = draw_purchases(np.random.default_rng(5), found, own, 90.0)
    second = draw_purchases(np.random.default_rng(5), found, own, 90.0)
    assert (first == second).all()


def test_drawn_parameters_scatter_as_their_errors_say() -> None:
    drawn = draw_parameters(np.random.default_rng(1), made_up(BG_NBD), 20_000)
    assert drawn.shape == (20_000, 4)
    assert np.log(drawn).std(axis=0) == pytest.approx([0.1, 0.1, 0.1414, 0.2], rel=0.03)


def test_laplace_errors_are_the_scatter_of_fits_to_other_customers() -> None:
    fits = [
        fit(MBG_NBD, summarise(*play_mbg(np.random.default_rng(seed), 1500, 500)))
        for seed in range(30)
    ]
    logs = np.log([found.parameters for found in fits])
    errors = np.array([found.standard_errors for found in fits]) / np.exp(logs)
    ratio = logs.std(axis=0, ddof=1) / np.median(errors, axis=0)
    # Thirty fits know a standard deviation to about 13 %.
    assert ratio == pytest.approx([1.0] * 4, abs=0.45)


def test_spend_of_a_customer_without_repeats_is_the_populations() -> None:
    found = gamma_gamma.expected_value(SPEND, [0, 0, 4], [np.nan, 99.0, 20.0])
    assert found[0] == found[1] == pytest.approx(SPEND.population_mean)
    assert found[2] == pytest.approx(6.25 * (15.44 + 80) / (25 + 3.74 - 1))
