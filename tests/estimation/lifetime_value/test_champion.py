"""Who speaks for the night, and whether anybody may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from estimation.lifetime_value.backtest import Backtest, Evaluation
from estimation.lifetime_value.champion import choose, failed, gate, gates
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.holdout_measures import HoldoutMeasures
from estimation.lifetime_value.portfolio import portfolio_interval

NAMES = ["mbg_nbd", "bg_nbd"]


def evaluation(
    model: str,
    origin: int = 100,
    *,
    horizon: int = 30,
    predicted: float = 1000.0,
    actual: float = 1000.0,
    mae: float = 0.7,
    rmse: float = 0.7,
    calibration_error: float = 0.01,
) -> Evaluation:
    measures = HoldoutMeasures(
        customers=5000.0, actual=actual, predicted=predicted,
        total_ratio=predicted / actual if actual else float("nan"),
        mae=mae, rmse=rmse, naive_mae=1.0, naive_rmse=1.0,
        groups=((0.1, 0.1),) * 10, calibration_error=calibration_error,
        brier=0.1, auc=0.8, lift=3.0, base_rate=0.2,
        pearson=0.5, spearman=0.4, spearman_tied=0.4, naive_spearman=0.4,
    )  # fmt: skip
    fitted = Fit(model, ("r",), (1.0,), (0.1,), (0,), ((0.01,),), -10.0, 5000.0, 0.0)
    return Evaluation(model, origin, horizon, fitted, measures, model_mae=mae, model_rmse=rmse)


def ranking(*evaluations: Evaluation) -> tuple[str, ...]:
    history = Backtest(evaluations, (), ())
    return choose(history, NAMES, gates(history)).ranking


def test_the_lowest_error_wins_whatever_the_likelihood() -> None:
    likelier = evaluation("mbg_nbd", mae=0.7)
    likelier = replace(likelier, fit=replace(likelier.fit, log_likelihood=-1.0))
    assert ranking(likelier, evaluation("bg_nbd", mae=0.6)) == ("bg_nbd", "mbg_nbd")


def test_models_are_compared_where_both_have_a_forecast() -> None:
    only_bg = evaluation("bg_nbd", origin=70, mae=0.1)
    both = [evaluation("bg_nbd", mae=0.8), evaluation("mbg_nbd", mae=0.7)]
    # One of two forecasts of the better equipped model is too few to be compared at all.
    assert ranking(only_bg, *both)[0] == "bg_nbd"
    more = [
        evaluation(name, origin=130, mae=mae) for name, mae in (("bg_nbd", 0.8), ("mbg_nbd", 0.7))
    ]
    assert ranking(only_bg, *both, *more)[0] == "mbg_nbd"


def test_without_an_origin_the_default_speaks() -> None:
    assert ranking() == ("mbg_nbd", "bg_nbd")
    nobody = choose(Backtest((), (), ()), ["bg_nbd", "mbg_nbd"], {})
    assert nobody.ranking[0] == "mbg_nbd"
    assert "no earlier origin" in nobody.reason


def test_a_model_whose_gate_failed_comes_last() -> None:
    assert ranking(evaluation("mbg_nbd", mae=0.5, predicted=1400.0), evaluation("bg_nbd")) == (
        "bg_nbd",
        "mbg_nbd",
    )


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        ({}, "passed", None),
        ({"predicted": 1160.0}, "warning", "1.160 outside [0.85, 1.15]"),
        ({"predicted": 840.0}, "warning", "0.840 outside"),
        ({"predicted": 1310.0}, "failed", "1.310 outside [0.7, 1.3]"),
        ({"predicted": 690.0}, "failed", "0.690 outside"),
        ({"predicted": 14.0, "actual": 10.0}, "warning", "10 purchases may do by chance"),
        ({"actual": 0.0}, "warning", "nobody bought"),
        ({"mae": 0.81}, "warning", "MAE 0.810"),
        ({"rmse": 0.81}, "warning", "RMSE 0.810"),
        ({"calibration_error": 0.016}, "warning", "calibration error 0.0160 above 0.015"),
        ({"calibration_error": 0.016, "horizon": 90}, "passed", None),
    ],
)
def test_the_gate_says_what_is_wrong(
    given: dict[str, float], status: str, reason: str | None
) -> None:
    found = gate([evaluation("mbg_nbd", **given)])
    assert found[0] == status
    assert found[1] is None if reason is None else reason in str(found[1])


def test_origins_are_pooled_because_one_month_may_be_christmas() -> None:
    christmas = evaluation("mbg_nbd", origin=70, predicted=650.0)
    assert gate([christmas])[0] == "failed"
    pooled = gate([christmas, *(evaluation("mbg_nbd", origin=day) for day in (100, 130, 160))])
    assert pooled[0] == "passed"


def test_one_failed_horizon_fails_the_model() -> None:
    found = gates(
        Backtest(
            (evaluation("mbg_nbd"), evaluation("mbg_nbd", horizon=90, predicted=2000.0)), (), ()
        )
    )
    assert failed(found, "mbg_nbd")
    assert not failed(found, "bg_nbd")


def test_the_interval_of_a_total_is_as_wide_as_earlier_totals_were_off() -> None:
    calm = portfolio_interval(1000.0, [0.02, -0.03, 0.01, 0.0])
    rough = portfolio_interval(1000.0, [0.4, -0.5, 0.3, -0.2])
    unknown = portfolio_interval(1000.0, [])
    assert calm.high - calm.low < unknown.high - unknown.low < rough.high - rough.low
    assert (calm.residuals, unknown.residuals) == (4, 0)
    assert np.log(calm.high / 1000) == pytest.approx(np.log(1000 / calm.low))
    narrow = portfolio_interval(1000.0, [0.02, -0.03, 0.01, 0.0], level=0.5)
    assert calm.low < narrow.low < 1000 < narrow.high < calm.high
    with pytest.raises(ValueError, match="no probability"):
        portfolio_interval(1000.0, [], level=95)
