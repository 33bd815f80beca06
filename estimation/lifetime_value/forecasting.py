"""Forecasts for summaries, by look-up: what depends on x and T alone is computed once per distinct
(x, T).

Ten million customers have two million distinct (x, t_x, T) and fifty thousand distinct (x, T). t_x
enters through P(alive), which is a closed formula (an integral for Pareto/NBD).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from estimation.lifetime_value.fitting import Fit
from estimation.lifetime_value.purchase_models import PurchaseModel, model
from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
    distinct,
)


@dataclass(frozen=True, eq=False)
class Forecast:
    """Per summary: expected purchases within the horizon, the probability of at least one, and that
    of being alive.
    """

    expected: Floats
    p_any: Floats
    p_alive: Floats


@dataclass(frozen=True, eq=False)
class Cells:
    """Distinct (x, T), or (x, t_x, T) where the model needs it, and the cell of each summary."""

    repeats: Floats
    recency: Floats
    tenure: Floats
    positions: Integers


# A function of (parameters, repeats, recency, tenure) per row.
CellFunction = Callable[[Floats, Floats, Floats, Floats], Floats]


def cells_of(summaries: PurchaseSummaries, purchase_model: PurchaseModel) -> Cells:
    """The cells whose futures are alike once a customer is known to be alive."""
    columns = [summaries.repeats, summaries.tenure]
    if purchase_model.uses_recency:
        columns.insert(1, summaries.recency)
    first, positions = distinct(columns)
    return Cells(
        summaries.repeats[first], summaries.recency[first], summaries.tenure[first], positions
    )


def look_up(fit: Fit, cells: Cells, function: CellFunction) -> Floats:
    """Evaluate once per cell, and give every summary its cell's value."""
    values = function(fit.values, cells.repeats, cells.recency, cells.tenure)
    return values[cells.positions]


def p_alive(fit: Fit, summaries: PurchaseSummaries) -> Floats:
    """Probability that the customers of each summary have not left."""
    return model(fit.model).p_alive(
        fit.values, summaries.repeats, summaries.recency, summaries.tenure
    )


def forecast(fit: Fit, summaries: PurchaseSummaries, horizon: float) -> Forecast:
    """Forecast every summary for ``horizon``, in the fit's unit of time."""
    purchase_model = model(fit.model)
    cells = cells_of(summaries, purchase_model)
    alive = p_alive(fit, summaries)

    def purchases(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return purchase_model.purchases_if_alive(parameters, x, t_x, tenure, horizon)

    def any_purchase(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return purchase_model.at_least_if_alive(
            parameters, x, t_x, tenure, horizon, np.ones(len(x))
        )

    return Forecast(
        expected=alive * look_up(fit, cells, purchases),
        p_any=alive * look_up(fit, cells, any_purchase),
        p_alive=alive,
    )


def naive_forecast(summaries: PurchaseSummaries, horizon: float) -> Floats:
    """Carrying on at the rate so far: x / T for the whole horizon; 0 where T = 0."""
    tenure = summaries.tenure
    rate: Floats = np.where(tenure > 0, summaries.repeats / np.where(tenure > 0, tenure, 1.0), 0.0)
    return rate * horizon
