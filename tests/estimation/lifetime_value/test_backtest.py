"""Earlier origins know nothing of what came later, and tonight's parameters can be doubted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from estimation.lifetime_value import fallback
from estimation.lifetime_value.backtest import backtest, previous_errors, rolling_origins
from estimation.lifetime_value.fallback import drifted, usable_fit
from estimation.lifetime_value.fitting import Fit, fit
from estimation.lifetime_value.maximum_likelihood import FitRefused
from estimation.lifetime_value.purchase_days import (
    PurchaseDays,
    arrange,
    customers_at,
    distinct_summaries,
    log_intervals_at,
    number_to_date,
    purchases_within,
    value_within,
)
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD, PurchaseModel
from estimation.lifetime_value.purchase_summaries import PurchaseSummaries
from estimation.lifetime_value.regularity import wheat_morrison
from tests.estimation.lifetime_value.played_customers import play_purchases

LAST_DAY = 400


@pytest.fixture(scope="module")
def purchases() -> PurchaseDays:
    return play_purchases(np.random.default_rng(5), customers=800, days=LAST_DAY)


def test_what_was_known_on_a_day_is_counted_by_hand() -> None:
    customer = np.array([7, 7, 7, 9, 9, 7])
    days = np.array([10, 14, 40, 30, 31, 20])
    purchases = arrange(customer, days, np.array([5.0, 8.0, 1.0, 9.0, 4.0, 2.0]))
    known = customers_at(purchases, 30)
    assert known.repeats.tolist() == [2, 0]
    assert known.recency.tolist() == [10, 0]
    assert known.tenure.tolist() == [20, 0]
    assert known.mean_value[0] == 5.0
    assert np.isnan(known.mean_value[1])
    assert purchases_within(purchases, known, 10).tolist() == [1, 1]
    assert value_within(purchases, known, 10).tolist() == [1.0, 4.0]
    assert log_intervals_at(purchases, 40) == pytest.approx(np.log(4 * 6 * 20 * 1))
    assert len(customers_at(purchases, 9).places) == 0


def test_a_day_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="merge a customer's orders of one day"):
        arrange(np.array([1, 1]), np.array([3, 3]), np.array([1.0, 1.0]))


def test_origins_are_complete_and_have_something_to_learn_from() -> None:
    assert rolling_origins(0, 400, 30) == (370, 340, 310, 280)
    assert rolling_origins(0, 120, 30) == (90, 60, 30)
    assert rolling_origins(0, 100, 90) == ()


def test_a_backtest_does_not_see_its_future(purchases: PurchaseDays) -> None:
    history = backtest(purchases, LAST_DAY, [MBG_NBD], horizons=(30,))
    early = purchases.days <= 370
    number = np.repeat(
        np.arange(len(purchases.begins)), np.diff([*purchases.begins, len(purchases.days)])
    )
    then = arrange(number[early], purchases.days[early], purchases.values[early])
    latest = max(history.evaluations, key=lambda each: each.origin)
    assert latest.origin == 370
    assert latest.fit == fit(MBG_NBD, distinct_summaries(customers_at(then, 370))[0])
    assert len(history.evaluations) == 4


def test_a_backtest_is_the_same_from_any_start(purchases: PurchaseDays) -> None:
    today = fit(MBG_NBD, distinct_summaries(customers_at(purchases, LAST_DAY))[0])
    cold = backtest(purchases, LAST_DAY, [MBG_NBD])
    warm = backtest(purchases, LAST_DAY, [MBG_NBD], starts={"mbg_nbd": today})
    for one, other in zip(cold.evaluations, warm.evaluations, strict=True):
        assert one.measures.predicted == pytest.approx(other.measures.predicted, rel=1e-7)


def test_a_model_that_cannot_be_fitted_leaves_its_reason(purchases: PurchaseDays) -> None:
    first_days = purchases.days[purchases.begins]
    everybody_once = arrange(
        np.arange(len(first_days)), first_days, purchases.values[purchases.begins]
    )
    history = backtest(everybody_once, LAST_DAY, [MBG_NBD, BG_NBD], horizons=(30,))
    assert history.evaluations == ()
    assert {refusal.model for refusal in history.refusals} == {"mbg_nbd", "bg_nbd"}
    assert all("bought on a second day" in refusal.reason for refusal in history.refusals)


def test_yesterdays_parameters_are_judged_at_the_latest_origins(purchases: PurchaseDays) -> None:
    history = backtest(purchases, LAST_DAY, [MBG_NBD, BG_NBD])
    for name in ("mbg_nbd", "bg_nbd"):
        errors = previous_errors(purchases, history, name)
        assert set(errors) == {(370, 30), (310, 90)}
        own = {(e.origin, e.horizon): e for e in history.evaluations if e.model == name}
        for place, error in errors.items():
            assert error == pytest.approx(own[place].measures.mae, rel=0.02)


def test_ordinary_parameters_are_todays(purchases: PurchaseDays) -> None:
    usable = usable_fit(purchases, LAST_DAY, MBG_NBD)
    assert (usable.origin, usable.stale_reason) == (LAST_DAY, None)


def test_parameters_that_jump_fall_back_to_the_latest_day_that_holds(
    purchases: PurchaseDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def jumping(model: PurchaseModel, summaries: PurchaseSummaries, start: Fit | None) -> Fit:
        found = fit(model, summaries, start)
        if summaries.tenure.max() < LAST_DAY:
            return found
        r, *rest = found.parameters
        return replace(found, parameters=(r * 3, *rest))

    monkeypatch.setattr(fallback, "fit", jumping)
    usable = usable_fit(purchases, LAST_DAY, MBG_NBD)
    assert usable.origin == LAST_DAY - 1
    assert usable.stale_reason is not None
    assert f"{number_to_date(LAST_DAY)}: r moved from" in usable.stale_reason
    assert "standard errors (at most 4)" in usable.stale_reason


def test_a_day_without_a_fit_falls_back_and_no_day_at_all_is_refused(
    purchases: PurchaseDays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing_from(day: int):  # type: ignore[no-untyped-def]
        def refuse(model: PurchaseModel, summaries: PurchaseSummaries, start: Fit | None) -> Fit:
            if summaries.tenure.max() >= day:
                raise FitRefused("mbg_nbd: did not converge")
            return fit(model, summaries, start)

        return refuse

    monkeypatch.setattr(fallback, "fit", refusing_from(LAST_DAY - 5))
    usable = usable_fit(purchases, LAST_DAY, MBG_NBD)
    assert usable.origin == LAST_DAY - 7
    assert str(usable.stale_reason).count("did not converge") == 4
    monkeypatch.setattr(fallback, "fit", refusing_from(0))
    with pytest.raises(FitRefused, match="did not converge"):
        usable_fit(purchases, LAST_DAY, MBG_NBD)


def test_drift_is_measured_in_standard_errors_of_what_was_estimated() -> None:
    before = Fit(
        "m", ("r", "a"), (1.0, 0.5), (0.1, 0.1), (0, 1), ((0.01, 0.0), (0.0, 0.04)), 0.0, 1.0, 0.0
    )
    assert drifted(before, replace(before, parameters=(1.3, 0.5))) is None
    assert "r moved from 1 to 2" in str(drifted(before, replace(before, parameters=(2.0, 0.5))))
    at_its_limit = replace(before, parameters=(1.0, 0.0), free=(0,))
    assert drifted(before, at_its_limit) is None


def test_regularity_without_a_model_is_that_of_the_intervals() -> None:
    random = np.random.default_rng(8)
    for k in (1, 3):
        intervals = [random.gamma(k, 1.0, 2) for _ in range(4000)]
        assert wheat_morrison(intervals) == pytest.approx(k, rel=0.1)
    with pytest.raises(ValueError, match="Keep k = 1"):
        wheat_morrison([np.array([3.0])])
