"""What must hold for any customer under any parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.lifetime_value.discounting import discounted_purchases_if_alive
from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
)
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    PurchaseSummaries,
    select,
    summarise,
)
from tests.estimation.lifetime_value.played_customers import play_mbg

MODELS = st.sampled_from([BG_NBD, MBG_NBD, PARETO_NBD, mbg_cnbd(2), mbg_cnbd(3)])
positive = st.floats(0.02, 50.0)
PARAMETERS = st.tuples(positive, st.floats(0.5, 500.0), positive, positive).map(np.array)


@st.composite
def customers(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """x, t_x and T of one customer with at most one purchase a day."""
    tenure = draw(st.integers(0, 4000))
    repeats = draw(st.integers(0, min(tenure, 400)))
    recency = draw(st.integers(repeats, tenure)) if repeats else 0
    return tuple(np.array([float(value)]) for value in (repeats, recency, tenure))


def expected(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
    horizon: float,
) -> float:
    alive = purchase_model.p_alive(parameters, *customer)
    return float((alive * purchase_model.purchases_if_alive(parameters, *customer, horizon))[0])


@given(MODELS, PARAMETERS, customers())
def test_probabilities_are_probabilities_and_below_expectations(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
) -> None:
    alive = float(purchase_model.p_alive(parameters, *customer)[0])
    assert 0 <= alive <= 1
    month = [np.array([float(count)]) for count in (1, 2, 5)]
    tails = [
        float(purchase_model.at_least_if_alive(parameters, *customer, 30.0, count)[0])
        for count in month
    ]
    assert 1 + 1e-12 >= tails[0] >= tails[1] >= tails[2] >= 0
    total = expected(purchase_model, parameters, customer, 30.0)
    assert alive * tails[0] <= total * (1 + 1e-9) + 1e-12


@given(MODELS, PARAMETERS, customers())
def test_longer_horizons_hold_more_purchases(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
) -> None:
    found = [
        expected(purchase_model, parameters, customer, horizon) for horizon in (30.0, 90.0, 365.0)
    ]
    assert 0 <= found[0] <= found[1] * (1 + 1e-9) <= found[2] * (1 + 2e-9)
    assert np.isfinite(found).all()


@given(MODELS, PARAMETERS, customers(), st.integers(1, 2000))
def test_silence_lowers_the_probability_to_be_alive(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
    silence: int,
) -> None:
    repeats, recency, tenure = customer
    now = purchase_model.p_alive(parameters, repeats, recency, tenure)
    later = purchase_model.p_alive(parameters, repeats, recency, tenure + silence)
    assert later[0] <= now[0] + 1e-12


@given(MODELS, PARAMETERS, customers(), st.sampled_from([1 / 7, 7.0, 365.25]))
def test_the_unit_of_time_does_not_matter(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
    unit: float,
) -> None:
    repeats, recency, tenure = customer
    scaled = parameters * np.where(purchase_model.is_time, unit, 1.0)
    there = (repeats, recency * unit, tenure * unit)
    assert purchase_model.p_alive(scaled, *there) == pytest.approx(
        purchase_model.p_alive(parameters, *customer), rel=1e-6, abs=1e-12
    )
    assert expected(purchase_model, scaled, there, 90.0 * unit) == pytest.approx(
        expected(purchase_model, parameters, customer, 90.0), rel=1e-6, abs=1e-12
    )


@given(MODELS, PARAMETERS, customers(), st.floats(0.0, 0.5))
def test_discounting_never_adds(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
    yearly: float,
) -> None:
    rate = np.log1p(yearly) / 365.25
    plain = purchase_model.purchases_if_alive(parameters, *customer, 1000.0)
    discounted = discounted_purchases_if_alive(
        purchase_model, parameters, *customer, 1000.0, float(rate)
    )
    assert np.exp(-rate * 1000) * plain[0] * (1 - 1e-6) <= discounted[0]
    assert discounted[0] <= plain[0] * (1 + 1e-6)


@given(PARAMETERS, customers())
def test_a_regularity_of_one_is_mbg_nbd(
    parameters: Floats, customer: tuple[Floats, Floats, Floats]
) -> None:
    count = np.array([3.0])
    for other in (mbg_cnbd(1),):
        assert other.p_alive(parameters, *customer) == MBG_NBD.p_alive(parameters, *customer)
        assert other.at_least_if_alive(
            parameters, *customer, 60.0, count
        ) == MBG_NBD.at_least_if_alive(parameters, *customer, 60.0, count)


@given(st.sampled_from([BG_NBD, MBG_NBD]), PARAMETERS, customers())
def test_expected_purchases_are_the_sum_of_tail_probabilities(
    purchase_model: PurchaseModel,
    parameters: Floats,
    customer: tuple[Floats, Floats, Floats],
) -> None:
    horizon = 20.0
    found = float(purchase_model.purchases_if_alive(parameters, *customer, horizon)[0])
    total, count, term = 0.0, 1, 1.0
    while term > 1e-13 and count < 20_000:
        term = float(
            purchase_model.at_least_if_alive(
                parameters, *customer, horizon, np.array([float(count)])
            )[0]
        )
        total, count = total + term, count + 1
    assert found == pytest.approx(total, rel=1e-6, abs=1e-9)


@pytest.fixture(scope="module")
def summaries() -> PurchaseSummaries:
    return summarise(*play_mbg(np.random.default_rng(4), customers=1500, days=500))


def in_unit(summaries: PurchaseSummaries, unit: float) -> PurchaseSummaries:
    return PurchaseSummaries(
        summaries.repeats,
        summaries.recency * unit,
        summaries.tenure * unit,
        summaries.customers,
    )


@pytest.mark.parametrize("purchase_model", [BG_NBD, MBG_NBD, PARETO_NBD], ids=lambda m: m.name)
def test_fits_in_days_and_weeks_are_one(
    purchase_model: PurchaseModel, summaries: PurchaseSummaries
) -> None:
    days = fit(purchase_model, summaries)
    weeks = fit(purchase_model, in_unit(summaries, 1 / 7))
    units = np.where(purchase_model.is_time, 1 / 7, 1.0)
    assert weeks.values == pytest.approx(days.values * units, rel=1e-6)
    repeats = float(summaries.customers @ summaries.repeats)
    assert weeks.log_likelihood == pytest.approx(days.log_likelihood + repeats * np.log(7))


@pytest.mark.parametrize("purchase_model", [BG_NBD, MBG_NBD, PARETO_NBD], ids=lambda m: m.name)
def test_a_fit_has_the_same_bits_whatever_the_order_of_rows(purchase_model: PurchaseModel) -> None:
    random = np.random.default_rng(6)
    columns = np.array(play_mbg(random, customers=300, days=300))
    shuffled = columns[:, random.permutation(columns.shape[1])]
    assert fit(purchase_model, summarise(*columns)) == fit(purchase_model, summarise(*shuffled))


def test_a_warm_start_ends_where_a_cold_one_does(summaries: PurchaseSummaries) -> None:
    earlier = fit(MBG_NBD, select(summaries, summaries.tenure > 300))
    warm: Fit = fit(MBG_NBD, summaries, earlier)
    assert warm.values == pytest.approx(fit(MBG_NBD, summaries).values, rel=1e-7)
