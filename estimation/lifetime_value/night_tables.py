"""The tables of a night as Arrow, with their schemas; docs/metrics.md says what columns mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from estimation.lifetime_value import champion
from estimation.lifetime_value.backtest import STEP, Backtest, Evaluation
from estimation.lifetime_value.fallback import UsableFit
from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.portfolio import portfolio_interval
from estimation.lifetime_value.predictive_intervals import LEVELS
from estimation.lifetime_value.purchase_days import date_to_number, number_to_date
from estimation.lifetime_value.purchase_models import model

SCORED_HORIZONS = (30, 90, 365)
PORTFOLIO_HORIZONS = (30, 90)


def level_name(quantity: str, level: float) -> str:
    """Column of a quantile: value_365d_q025 is the 2.5 % quantile, q500 the median."""
    return f"{quantity}_q{round(level * 1000):03d}"


SCORES = pa.schema(
    [
        ("repeat_purchase_days", pa.int64()),
        ("recency_days", pa.int64()),
        ("tenure_days", pa.int64()),
        ("customers", pa.int64()),
        ("model", pa.string()),
        ("p_alive", pa.float64()),
        ("p_order_30d", pa.float64()),
        *((f"expected_orders_{horizon}d", pa.float64()) for horizon in SCORED_HORIZONS),
        ("discounted_orders", pa.float64()),
        *((level_name("orders_365d", level), pa.float64()) for level in LEVELS),
        *((level_name("value_365d", level), pa.float64()) for level in LEVELS),
    ]
)

PARAMETERS = pa.schema(
    [
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("fitted_date", pa.date32()),
        ("is_stale", pa.bool_()),
        ("stale_reason", pa.string()),
        ("choice_reason", pa.string()),
        ("parameters", pa.string()),
        ("standard_errors", pa.string()),
        ("limit", pa.string()),
        ("log_likelihood", pa.float64()),
        ("customers", pa.int64()),
        ("regularity", pa.int64()),
        ("level_factor", pa.float64()),
        ("spend_p", pa.float64()),
        ("spend_q", pa.float64()),
        ("spend_v", pa.float64()),
        ("spend_correlation", pa.float64()),
        ("spend_reason", pa.string()),
        ("margin", pa.float64()),
        ("yearly_discount", pa.float64()),
        ("lifetime_days", pa.float64()),
    ]
)

QUALITY = pa.schema(
    [
        ("model", pa.string()),
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int64()),
        ("log_likelihood", pa.float64()),
        ("parameters", pa.string()),
        ("customers", pa.int64()),
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
        ("loss", pa.float64()),
        ("is_champion", pa.bool_()),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)

PORTFOLIO = pa.schema(
    [
        ("horizon_days", pa.int64()),
        ("expected_orders", pa.float64()),
        ("expected_orders_low", pa.float64()),
        ("expected_orders_high", pa.float64()),
        ("residuals", pa.int64()),
    ]
)


def portfolio_table(scores: pa.Table, own: Sequence[Evaluation]) -> pa.Table:
    """Totals of all customers, as wide as earlier origins were off."""
    customers = scores["customers"].to_numpy()
    rows = []
    for horizon in PORTFOLIO_HORIZONS:
        total = float(customers @ scores[f"expected_orders_{horizon}d"].to_numpy())
        misses = [
            float(np.log(each.measures.actual / each.measures.predicted))
            for each in own
            if each.horizon == horizon and each.measures.actual > 0 and each.measures.predicted > 0
        ]
        found = portfolio_interval(total, misses, horizon / STEP)
        rows.append(
            {
                "horizon_days": horizon,
                "expected_orders": total,
                "expected_orders_low": found.low,
                "expected_orders_high": found.high,
                "residuals": found.residuals,
            }
        )
    return pa.Table.from_pylist(rows, schema=PORTFOLIO)


def parameters_table(
    usable: UsableFit | None, refusals: Mapping[str, str], facts: Mapping[str, Any]
) -> pa.Table:
    """One row: the night's parameters, why they were chosen, and ``facts`` (further columns of
    PARAMETERS). ``refusals``: better models that have no parameters which hold, and why.
    """
    reasons = [f"{name}: {reason}" for name, reason in refusals.items()]
    if usable is None:
        row = {**facts, "is_stale": True, "stale_reason": "; ".join(reasons)}
        return pa.Table.from_pylist([row], schema=PARAMETERS)
    fit = usable.fit
    reasons += [usable.stale_reason] if usable.stale_reason else []
    row = {
        **facts,
        "model": fit.model,
        "model_version": f"{fit.model}@{number_to_date(usable.origin)}",
        "fitted_date": number_to_date(usable.origin),
        "is_stale": usable.stale_reason is not None,
        "stale_reason": "; ".join(reasons) or None,
        "parameters": as_json(fit, fit.parameters),
        "standard_errors": as_json(fit, fit.standard_errors),
        "limit": fit.limit,
        "log_likelihood": fit.log_likelihood,
        "customers": int(fit.customers),
        "regularity": model(fit.model).regularity,
    }
    return pa.Table.from_pylist([row], schema=PARAMETERS)


def quality_table(
    history: Backtest,
    usable: UsableFit | None,
    refusals: Mapping[str, str],
    as_of: date,
    previous: Mapping[tuple[int, int], float],
) -> pa.Table:
    """Every forecast from an earlier origin, every refusal, and (horizon 0) the parameters of the
    night.
    """
    champion_name = usable.fit.model if usable else None
    by_gate: dict[tuple[str, int], list[Evaluation]] = {}
    for each in history.evaluations:
        by_gate.setdefault((each.model, each.horizon), []).append(each)
    gates = {place: champion.gate(group) for place, group in by_gate.items()}
    rows = [
        _quality_row(each, gates[each.model, each.horizon])
        | {"is_champion": each.model == champion_name}
        for each in history.evaluations
    ]
    for row in rows:
        if row["is_champion"]:
            place = (date_to_number(row["origin_date"]), row["horizon_days"])
            row["previous_mae"] = previous.get(place)
    for refusal in history.refusals:
        rows.append(_refused_row(refusal.model, number_to_date(refusal.origin), refusal.reason))
    rows += [_refused_row(name, as_of, reason) for name, reason in refusals.items()]
    if usable is not None:
        rows.append(_champion_row(usable))
    return pa.Table.from_pylist(rows, schema=QUALITY).sort_by(
        [
            ("model", "ascending"),
            ("origin_date", "ascending"),
            ("horizon_days", "ascending"),
        ]
    )


def _quality_row(evaluation: Evaluation, gate: tuple[str, str | None]) -> dict[str, Any]:
    measures = asdict(evaluation.measures)
    return {
        "model": evaluation.model,
        "origin_date": number_to_date(evaluation.origin),
        "horizon_days": evaluation.horizon,
        "log_likelihood": evaluation.fit.log_likelihood,
        "parameters": as_json(evaluation.fit, evaluation.fit.parameters),
        "loss": champion.loss(evaluation),
        "status": gate[0],
        "reason": gate[1],
        **{name: value for name, value in measures.items() if name in QUALITY.names},
        "customers": int(evaluation.measures.customers),
        "top_decile_lift": evaluation.measures.lift,
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


def _champion_row(usable: UsableFit) -> dict[str, Any]:
    return {
        "model": usable.fit.model,
        "origin_date": number_to_date(usable.origin),
        "horizon_days": 0,
        "log_likelihood": usable.fit.log_likelihood,
        "parameters": as_json(usable.fit, usable.fit.parameters),
        "customers": int(usable.fit.customers),
        "is_champion": True,
        "status": "stale" if usable.stale_reason else "passed",
        "reason": usable.stale_reason,
    }


def as_json(fit: Fit, values: tuple[float, ...]) -> str:
    """Six digits: more would differ between machines. A parameter at its limit has no standard
    error: null.
    """
    rounded = {
        name: None if np.isnan(value) else float(f"{value:.6g}")
        for name, value in zip(fit.names, values, strict=True)
    }
    return json.dumps(rounded)
