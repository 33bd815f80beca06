"""Data no textbook shows: a finite answer or a refusal that says why."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.lifetime_value.fitting import (
    NO_DROPOUT,
    SAME_DROPOUT,
    Fit,
    fit,
    refuse_impossible,
)
from estimation.lifetime_value.forecasting import forecast, p_alive
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.predictive_draws import draw_purchases
from estimation.lifetime_value.purchase_models import (
    BG_NBD,
    MBG_NBD,
    PARETO_NBD,
    PurchaseModel,
    mbg_cnbd,
)
from estimation.lifetime_value.purchase_summaries import (
    ImpossibleSummary,
    PurchaseSummaries,
    summarise,
)
from tests.estimation.lifetime_value.played_customers import play_mbg

MODELS = [BG_NBD, MBG_NBD, PARETO_NBD]
EVERY_MODEL = [*MODELS, mbg_cnbd(2)]


def ordinary() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return play_mbg(np.random.default_rng(0), customers=400, days=400)


def assert_finite(found: Fit, summaries: PurchaseSummaries) -> None:
    alive = p_alive(found, summaries)
    assert ((alive >= 0) & (alive <= 1)).all()
    for horizon in (30.0, 365.0, 3650.0):
        future = forecast(found, summaries, horizon)
        assert np.isfinite(future.expected).all()
        assert (future.expected >= 0).all()
        assert ((future.p_any >= 0) & (future.p_any <= 1)).all()


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_nobody_repeats_is_refused(purchase_model: PurchaseModel) -> None:
    with pytest.raises(FitRefused, match="none of 100 customers bought on a second day"):
        fit(purchase_model, summarise(np.zeros(100), np.zeros(100), np.full(100, 50)))


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_customers_of_today_only_are_refused(purchase_model: PurchaseModel) -> None:
    with pytest.raises(FitRefused, match="no customer has been observed"):
        fit(purchase_model, summarise([0, 0], [0, 0], [0, 0]))


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
@pytest.mark.parametrize(("x", "t_x", "tenure"), [(0, 0, 50), (3, 20, 50), (30, 30, 30)])
def test_one_customer_is_refused(
    purchase_model: PurchaseModel, x: int, t_x: int, tenure: int
) -> None:
    with pytest.raises(FitRefused, match=purchase_model.name):
        fit(purchase_model, summarise([x], [t_x], [tenure]))


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_everybody_repeating_alike_is_refused(purchase_model: PurchaseModel) -> None:
    alike = summarise(np.full(50, 5), np.full(50, 300), np.full(50, 365))
    with pytest.raises(FitRefused, match=purchase_model.name):
        fit(purchase_model, alike)


@pytest.mark.parametrize("purchase_model", MODELS, ids=lambda model: model.name)
def test_everybody_repeating_to_the_end_is_the_limit_without_dropout(
    purchase_model: PurchaseModel,
) -> None:
    random = np.random.default_rng(2)
    regulars = summarise(random.integers(1, 30, 200), np.full(200, 365), np.full(200, 365))
    found = fit(purchase_model, regulars)
    assert found.limit == NO_DROPOUT
    assert (p_alive(found, regulars) == 1).all()
    r, alpha = found.parameters[:2]
    expected = forecast(found, regulars, 100.0).expected
    assert expected == pytest.approx((r + regulars.repeats) / (alpha + 365) * 100, rel=1e-9)
    assert np.isnan(found.standard_errors[2:]).all()
    assert np.isfinite(found.standard_errors[:2]).all()


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_repeaters_alone_never_diverge(purchase_model: PurchaseModel) -> None:
    x, t_x, tenure = ordinary()
    some = x > 0
    summaries = summarise(x[some], t_x[some], tenure[some])
    found = fit(purchase_model, summaries)
    assert max(found.parameters) < 1e8
    assert_finite(found, summaries)


def test_a_likelihood_that_no_rates_could_give_is_refused() -> None:
    rows = summarise([3, 1, 0], [200, 20, 0], [365, 300, 90])
    with pytest.raises(FitRefused, match="the search diverged"):
        refuse_impossible("bg_nbd", 12.5, rows)
    with pytest.raises(FitRefused, match="nan"):
        refuse_impossible("bg_nbd", float("nan"), rows)
    refuse_impossible("bg_nbd", -40.0, rows)


def test_one_chance_to_leave_for_all_is_a_limit_with_its_own_errors() -> None:
    random = np.random.default_rng(5)
    x, t_x, tenure = play_mbg(random, customers=600, days=300, chance=0.3)
    summaries = summarise(x, t_x, tenure)
    found = fit(MBG_NBD, summaries)
    assert found.limit in (None, SAME_DROPOUT)
    mean_chance = found.parameters[2] / (found.parameters[2] + found.parameters[3])
    assert mean_chance == pytest.approx(0.3, abs=0.06)
    assert_finite(found, summaries)


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_all_of_one_age_is_fitted(purchase_model: PurchaseModel) -> None:
    x, t_x, tenure = play_mbg(np.random.default_rng(8), customers=500, days=400, first_days=1)
    assert len(set(tenure)) == 1
    summaries = summarise(x, t_x, tenure)
    assert_finite(fit(purchase_model, summaries), summaries)


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_a_customer_with_a_hundred_thousand_purchases_is_scored(
    purchase_model: PurchaseModel,
) -> None:
    x, t_x, tenure = ordinary()
    summaries = summarise(np.append(x, 100_000), np.append(t_x, 390), np.append(tenure, 400))
    assert_finite(fit(purchase_model, summaries), summaries)


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_who_came_today_is_scored_but_not_learned_from(purchase_model: PurchaseModel) -> None:
    x, t_x, tenure = ordinary()
    without = summarise(x, t_x, tenure)
    with_today = summarise(np.append(x, [0, 0]), np.append(t_x, [0, 0]), np.append(tenure, [0, 0]))
    found = fit(purchase_model, with_today)
    assert found.parameters == fit(purchase_model, without).parameters
    assert found.customers == 400
    assert_finite(found, with_today)


@pytest.mark.parametrize("purchase_model", EVERY_MODEL, ids=lambda model: model.name)
def test_thirty_years_of_history_are_fitted(purchase_model: PurchaseModel) -> None:
    columns = play_mbg(np.random.default_rng(1), customers=300, days=10_957)
    summaries = summarise(*columns)
    found = fit(purchase_model, summaries)
    assert_finite(found, summaries)
    drawn = draw_purchases(np.random.default_rng(1), found, summaries, 365.0)
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ((-1, 0, 5), "x must be a whole number"),
        ((1.5, 3, 5), "x must be a whole number"),
        ((1, 6, 5), "0 <= t_x <= T"),
        ((1, -1, 5), "0 <= t_x <= T"),
        ((0, 2, 5), "t_x is zero exactly when x is"),
        ((1, 0, 5), "t_x is zero exactly when x is"),
        ((0, 0, float("nan")), "missing or infinite"),
    ],
)
def test_an_impossible_summary_is_refused_with_its_row(
    row: tuple[float, float, float], rule: str
) -> None:
    with pytest.raises(ImpossibleSummary, match=rule):
        summarise(*np.array([(0, 0, 5), row], dtype=np.float64).T)
