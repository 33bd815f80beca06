"""Analytic gradients against central differences, and likelihoods against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import gamma as gamma_function

from estimation.lifetime_value import gamma_gamma, pareto_nbd
from estimation.lifetime_value.fitting import negative_binomial
from estimation.lifetime_value.geometric_dropout import Dropout, log_likelihood_of_each
from estimation.lifetime_value.maximum_likelihood import Objective
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
)
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries, summarise

CASES = [
    np.array([0.3, 4.0, 0.8, 2.5]),
    np.array([1.7, 40.0, 0.02, 9.0]),
    np.array([0.05, 0.4, 6.0, 0.6]),
]


@pytest.fixture(scope="module")
def summaries() -> PurchaseSummaries:
    random = np.random.default_rng(11)
    tenure = random.integers(1, 400, 300)
    repeats = np.minimum(random.negative_binomial(1, 0.3, 300), tenure)
    recency = np.where(repeats > 0, np.maximum(repeats, np.ceil(tenure * random.random(300))), 0)
    return summarise(repeats, np.minimum(recency, tenure), tenure, random.integers(1, 9, 300))


def central_differences(objective: Objective, logarithms: Floats) -> Floats:
    step = 1e-5
    return np.array(
        [
            (objective(logarithms + shift)[0] - objective(logarithms - shift)[0]) / (2 * step)
            for shift in np.eye(len(logarithms)) * step
        ]
    )


@pytest.mark.parametrize("parameters", CASES)
@pytest.mark.parametrize("purchase_model", [BG_NBD, MBG_NBD, mbg_cnbd(2), mbg_cnbd(4)])
def test_the_gradient_is_the_slope_of_the_likelihood(
    summaries: PurchaseSummaries, purchase_model: PurchaseModel, parameters: Floats
) -> None:
    objective = purchase_model.objective(summaries)
    logarithms = np.log(parameters)
    _, slopes = objective(logarithms)
    assert slopes == pytest.approx(central_differences(objective, logarithms), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("parameters", CASES)
def test_the_gradient_of_pareto_nbd_is_the_slope_of_its_likelihood(
    summaries: PurchaseSummaries, parameters: Floats
) -> None:
    objective = PARETO_NBD.objective(summaries)
    _, slopes = objective(np.log(parameters))
    differences = central_differences(objective, np.log(parameters))
    assert slopes == pytest.approx(differences, rel=1e-6, abs=1e-7)


def test_the_gradients_of_the_other_likelihoods_are_their_slopes(
    summaries: PurchaseSummaries,
) -> None:
    random = np.random.default_rng(3)
    spend = gamma_gamma.summarise_spend(
        random.integers(0, 20, 200), random.gamma(3.0, 10.0, 200), random.integers(1, 5, 200)
    )
    objective = gamma_gamma.spend_objective(spend)
    logarithms = np.log([6.0, 3.5, 15.0])
    assert objective(logarithms)[1] == pytest.approx(
        central_differences(objective, logarithms), rel=1e-6, abs=1e-7
    )
    other = negative_binomial(summaries)
    assert other(np.log([0.4, 7.0]))[1] == pytest.approx(
        central_differences(other, np.log([0.4, 7.0])), rel=1e-6, abs=1e-7
    )


@pytest.mark.parametrize("parameters", CASES)
@pytest.mark.parametrize("dropout", [Dropout(False), Dropout(True), Dropout(True, 3)])
def test_sums_over_distinct_values_are_sums_over_rows(
    summaries: PurchaseSummaries, dropout: Dropout, parameters: Floats
) -> None:
    models = {Dropout(False): BG_NBD, Dropout(True): MBG_NBD, Dropout(True, 3): mbg_cnbd(3)}
    mean, _ = models[dropout].objective(summaries)(np.log(parameters))
    each = log_likelihood_of_each(
        dropout, summaries.repeats, summaries.recency, summaries.tenure, parameters
    )
    assert mean == pytest.approx(float(summaries.customers @ each) / summaries.customers.sum())


@pytest.mark.parametrize(("x", "t_x", "tenure"), [(0, 0.0, 6.0), (1, 2.5, 6.0), (3, 5.0, 9.0)])
def test_mbg_nbd_is_the_mean_over_all_rates_and_chances(x: int, t_x: float, tenure: float) -> None:
    """The definition: Poisson purchases, leaving with probability p after each, both mixed."""
    r, alpha, a, b = 0.7, 3.0, 1.2, 2.2
    parameters = np.array([r, alpha, a, b])

    def density(rate: float, chance: float) -> float:
        stays = (1 - chance) ** (x + 1) * np.exp(-rate * tenure)
        leaves = chance * (1 - chance) ** x * np.exp(-rate * t_x)
        mix = rate ** (r - 1) * alpha**r * np.exp(-alpha * rate) / gamma_function(r)
        weight = chance ** (a - 1) * (1 - chance) ** (b - 1) / beta_function(a, b)
        return float(rate**x * (stays + leaves) * mix * weight)

    def over_rates(chance: float) -> float:
        return float(quad(density, 0, np.inf, args=(chance,), epsabs=1e-12)[0])

    reference = np.log(quad(over_rates, 0, 1, epsabs=1e-10)[0])
    found = log_likelihood_of_each(
        Dropout(True), np.array([x]), np.array([t_x]), np.array([tenure]), parameters
    )
    assert found == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize(("x", "t_x", "tenure"), [(0, 0.0, 6.0), (2, 2.5, 6.0), (40, 20.0, 300.0)])
def test_pareto_nbd_is_the_mean_over_all_rates_and_lifetimes(
    x: int, t_x: float, tenure: float
) -> None:
    parameters = r, alpha, s, beta = 0.6, 3.0, 0.5, 5.0
    scale = (alpha + tenure) ** -(r + x)

    def leaving_at(moment: float) -> float:
        mixed = ((alpha + moment) / (alpha + tenure)) ** -(r + x)
        return float(mixed * s * beta**s * (beta + moment) ** -(s + 1))

    left = quad(leaving_at, t_x, tenure, epsabs=1e-14)[0] + (beta / (beta + tenure)) ** s
    reference = np.log(left * scale * alpha**r * gamma_function(r + x) / gamma_function(r))
    found = pareto_nbd.log_likelihood_of_each(
        np.array(parameters), np.array([float(x)]), np.array([t_x]), np.array([tenure])
    )
    # Five nodes per interval, over which the integrand falls by up to e^4.
    assert found == pytest.approx(reference, abs=1e-7)
