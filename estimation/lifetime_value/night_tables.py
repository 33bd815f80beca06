"""The tables of a night as Arrow, with their schemas; docs/metrics.md says what columns mean."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from estimation.lifetime_value import champion
from estimation.lifetime_value.backtest import STEP, Backtest, Evaluation
from estimation.lifetime_value.fallback import UsableFit
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.gamma_gamma import SpendFit
from estimation.lifetime_value.portfolio import portfolio_interval
from estimation.lifetime_value.predictive_intervals import LEVELS
from estimation.lifetime_value.purchase_days import number_to_date

SCORED_HORIZONS = (30, 90, 365)
PORTFOLIO_HORIZONS = (30, 90)


def level_name(quantity: str, level: float) -> str:
    """Column of a quantile: value_365d_q025 is the 2.5 % quantile, q500 the median."""
    return f"{quantity}_q{round(level * 1000):03d}"


_WHO = [
    ("repeat_purchase_days", pa.int64()),
    ("recency_days", pa.int64()),
    ("tenure_days", pa.int64()),
    ("model", pa.string()),
    ("model_version", pa.string()),
    ("p_alive", pa.float64()),
]

SCORES = pa.schema(
    [
        *_WHO,
        ("customers", pa.int64()),
        ("p_order_30d", pa.float64()),
        ("pace_30d", pa.float64()),
        ("pace_90d", pa.float64()),
        *((f"expected_orders_{horizon}d", pa.float64()) for horizon in SCORED_HORIZONS),
        ("discounted_orders", pa.float64()),
        *((level_name("orders_365d", level), pa.float64()) for level in LEVELS),
        *((level_name("value_365d", level), pa.float64()) for level in LEVELS),
    ]
)

FORMER_SCORES = pa.schema(
    [
        ("origin_date", pa.date32()),
        *_WHO,
        ("expected_orders_30d", pa.float64()),
        ("expected_orders_90d", pa.float64()),
        ("spend_p", pa.float64()),
        ("spend_q", pa.float64()),
        ("spend_v", pa.float64()),
    ]
)

PARAMETERS = pa.schema(
    [
        ("model", pa.string()),
        ("withheld_reason", pa.string()),
        ("spend_p", pa.float64()),
        ("spend_q", pa.float64()),
        ("spend_v", pa.float64()),
        ("margin", pa.float64()),
    ]
)

BACKTESTS = pa.schema(
    [
        ("model", pa.string()),
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int64()),
        ("log_likelihood", pa.float64()),
        ("parameters", pa.string()),
        ("standard_errors", pa.string()),
        ("customer_count", pa.int64()),
        ("actual", pa.float64()),
        ("predicted", pa.float64()),
        ("mae", pa.float64()),
        ("rmse", pa.float64()),
        ("naive_mae", pa.float64()),
        ("naive_rmse", pa.float64()),
        ("previous_mae", pa.float64()),
        ("calibration_error", pa.float64()),
        ("brier", pa.float64()),
        ("auc", pa.float64()),
        ("top_decile_lift", pa.float64()),
        ("base_rate", pa.float64()),
        ("spearman", pa.float64()),
        ("naive_spearman", pa.float64()),
        ("is_champion", pa.bool_()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)

CALIBRATIONS = pa.schema(
    [
        ("model", pa.string()),
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int64()),
        ("decile", pa.int64()),
        ("customer_count", pa.float64()),
        ("predicted_share", pa.float64()),
        ("actual_share", pa.float64()),
    ]
)

TOTALS = pa.schema(
    [
        ("horizon_days", pa.int64()),
        ("model", pa.string()),
        ("expected_orders", pa.float64()),
        ("expected_orders_low", pa.float64()),
        ("expected_orders_high", pa.float64()),
        ("origin_count", pa.int64()),
    ]
)

NO_MODEL = "no purchase model fits the purchases so far (clv_model_quality says why)"
MISSED = "the forecasts of earlier months missed what came by too much (see clv_model_quality)"


@dataclass(frozen=True)
class NightModel:
    """The model that speaks tonight (None: none could be fitted), why it was chosen, why better
    ones have no parameters, and status and reason of every model's gate by horizon.
    """

    usable: UsableFit | None
    choice_reason: str
    refusals: Mapping[str, str]
    gates: champion.Gates

    @property
    def name(self) -> str | None:
        """The champion's name."""
        return self.usable.fit.model if self.usable else None

    @property
    def withheld_reason(self) -> str | None:
        """Why no forecast may be published tonight; None where they may."""
        if self.usable is None:
            return NO_MODEL
        return MISSED if champion.failed(self.gates, self.usable.fit.model) else None


@dataclass(frozen=True)
class SpendModel:
    """Gamma-Gamma's fit and the correlation it takes to be zero, or the reason why there is none
    (with a fit: a reason for caution). ``origin``: its day, in days since 1970-01-01.
    """

    fit: SpendFit | None
    correlation: float | None
    reason: str | None
    origin: int


def model_version(usable: UsableFit) -> str:
    """Which parameters: the model and the last day they know of."""
    return f"{usable.fit.model} {number_to_date(usable.origin)}"


def repeated(value: str | float | None, size: int, kind: pa.DataType) -> pa.Array:
    """A column of one value."""
    return pa.repeat(pa.scalar(value, kind), size)


def parameters_table(night: NightModel, spend: SpendModel, margin: float) -> pa.Table:
    """One row: what SQL needs besides the scores."""
    found = spend.fit
    row = {
        "model": night.name,
        "withheld_reason": night.withheld_reason,
        "spend_p": found.p if found else None,
        "spend_q": found.q if found else None,
        "spend_v": found.v if found else None,
        "margin": margin,
    }
    return pa.Table.from_pylist([row], schema=PARAMETERS)


def backtests_table(
    history: Backtest,
    night: NightModel,
    spend: SpendModel,
    as_of: date,
    previous: Mapping[tuple[int, int], float],
) -> pa.Table:
    """Every forecast from an earlier origin, every refusal, and (horizon 0) the parameters of the
    night. ``previous``: the error of yesterday's parameters by origin and horizon.
    """
    rows = [_evaluation_row(each, night, previous) for each in history.evaluations]
    rows += [_refused_row(each.model, number_to_date(each.origin), each.reason)
             for each in history.refusals]  # fmt: skip
    rows += [_refused_row(name, as_of, reason) for name, reason in night.refusals.items()]
    rows += [_champion_row(night.usable, night.choice_reason)] if night.usable else []
    return pa.Table.from_pylist([*rows, _spend_row(spend)], schema=BACKTESTS).sort_by(
        [(name, "ascending") for name in ("model", "origin_date", "horizon_days")]
    )


def calibrations_table(history: Backtest, night: NightModel) -> pa.Table:
    """The champion's ten groups of customers at every origin, by their probability to buy."""
    rows = [
        {
            "model": each.model,
            "origin_date": number_to_date(each.origin),
            "horizon_days": each.horizon,
            "decile": decile + 1,
            "customer_count": each.measures.customers / len(each.measures.groups),
            "predicted_share": predicted,
            "actual_share": actual,
        }
        for each in history.evaluations
        if each.model == night.name
        for decile, (predicted, actual) in enumerate(each.measures.groups)
    ]
    return pa.Table.from_pylist(rows, schema=CALIBRATIONS)


def totals_table(scores: pa.Table, history: Backtest, night: NightModel) -> pa.Table:
    """Totals of all customers, with intervals as wide as earlier origins were off."""
    if night.usable is None:
        return TOTALS.empty_table()
    customers = scores["customers"].to_numpy()
    rows = []
    for horizon in PORTFOLIO_HORIZONS:
        total = float(customers @ scores[f"expected_orders_{horizon}d"].to_numpy())
        misses = [
            float(np.log(each.measures.actual / each.measures.predicted))
            for each in history.evaluations
            if each.model == night.name and each.horizon == horizon
            if each.measures.actual > 0 and each.measures.predicted > 0
        ]
        found = portfolio_interval(total, misses, horizon / STEP)
        rows.append(
            {
                "horizon_days": horizon,
                "model": night.name,
                "expected_orders": total,
                "expected_orders_low": found.low,
                "expected_orders_high": found.high,
                "origin_count": found.residuals,
            }
        )
    return pa.Table.from_pylist(rows, schema=TOTALS)


def _evaluation_row(
    each: Evaluation, night: NightModel, previous: Mapping[tuple[int, int], float]
) -> dict[str, Any]:
    measures = asdict(each.measures)
    is_champion = each.model == night.name
    status, reason = night.gates[each.model, each.horizon]
    return {
        "model": each.model,
        "origin_date": number_to_date(each.origin),
        "horizon_days": each.horizon,
        "log_likelihood": each.fit.log_likelihood,
        "parameters": as_json(each.fit, each.fit.parameters),
        "standard_errors": as_json(each.fit, each.fit.standard_errors),
        **{name: _known(value) for name, value in measures.items() if name in BACKTESTS.names},
        "customer_count": int(each.measures.customers),
        "top_decile_lift": _known(each.measures.lift),
        "previous_mae": previous.get((each.origin, each.horizon)) if is_champion else None,
        "is_champion": is_champion,
        "status": status,
        "reason": reason,
    }


def _refused_row(name: str, origin: date, reason: str) -> dict[str, Any]:
    return {
        "model": name,
        "origin_date": origin,
        "horizon_days": 0,
        "is_champion": False,
        "status": "refused",
        "reason": reason,
    }


def _champion_row(usable: UsableFit, choice_reason: str) -> dict[str, Any]:
    fit = usable.fit
    return {
        "model": fit.model,
        "origin_date": number_to_date(usable.origin),
        "horizon_days": 0,
        "log_likelihood": fit.log_likelihood,
        "parameters": as_json(fit, fit.parameters),
        "standard_errors": as_json(fit, fit.standard_errors),
        "customer_count": int(fit.customers),
        "is_champion": True,
        "status": "stale" if usable.stale_reason else "passed",
        "reason": usable.stale_reason or choice_reason,
    }


def _spend_row(spend: SpendModel) -> dict[str, Any]:
    row = _refused_row("gamma_gamma", number_to_date(spend.origin), spend.reason or "")
    if spend.fit is None:
        return row
    p, q, v = (float(f"{value:.6g}") for value in (spend.fit.p, spend.fit.q, spend.fit.v))
    return row | {
        "log_likelihood": spend.fit.log_likelihood,
        "parameters": json.dumps({"p": p, "q": q, "v": v}),
        "customer_count": int(spend.fit.customers),
        "status": "warning" if spend.reason else "passed",
        "reason": spend.reason,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def as_json(fit: Fit, values: tuple[float, ...]) -> str:
    """Six digits: more would differ between machines. A parameter at its limit has no standard
    error: null.
    """
    rounded = {
        name: None if np.isnan(value) else float(f"{value:.6g}")
        for name, value in zip(fit.names, values, strict=True)
    }
    return json.dumps(rounded)
