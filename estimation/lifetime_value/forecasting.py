"""Forecasts for summaries, by look-up: what depends on x and T alone is computed once per distinct
(x, T).

Ten million customers have two million distinct (x, t_x, T) and fifty thousand distinct (x, T). t_x
enters through P(alive), which is a closed formula (an integral for Pareto/NBD).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True, eq=False)
class Outlook:
    """What forecasts over all horizons share: P(alive) by the name of each fit, and cells by
    whether the model needs t_x.
    """

    summaries: PurchaseSummaries
    fits: Mapping[str, Fit]
    alive: Mapping[str, Floats]
    cells: Mapping[bool, Cells]


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


def outlook(fits: Mapping[str, Fit], summaries: PurchaseSummaries) -> Outlook:
    """Prepare forecasts of the same summaries by several models."""
    cells: dict[bool, Cells] = {}
    for found in fits.values():
        purchase_model = model(found.model)
        if purchase_model.uses_recency not in cells:
            cells[purchase_model.uses_recency] = cells_of(summaries, purchase_model)
    alive = {name: p_alive(found, summaries) for name, found in fits.items()}
    return Outlook(summaries, fits, alive, cells)


def if_alive(known: Outlook, name: str, function: CellFunction) -> Floats:
    """P(alive) by one model, times a function of living customers."""
    found = known.fits[name]
    cells = known.cells[model(found.model).uses_recency]
    total: Floats = known.alive[name] * look_up(found, cells, function)
    return total


def expected_purchases(known: Outlook, name: str, horizon: float) -> Floats:
    """Expected purchases within ``horizon`` by one model, in its unit of time."""
    purchase_model = model(known.fits[name].model)

    def purchases(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return purchase_model.purchases_if_alive(parameters, x, t_x, tenure, horizon)

    return if_alive(known, name, purchases)


def forecasts(known: Outlook, horizon: float) -> dict[str, Forecast]:
    """Every model's own forecast for ``horizon``, by name."""
    return {
        name: Forecast(
            expected=expected_purchases(known, name, horizon),
            p_any=_any_purchase(known, name, horizon),
            p_alive=known.alive[name],
        )
        for name in known.fits
    }


def forecast(fit: Fit, summaries: PurchaseSummaries, horizon: float) -> Forecast:
    """Forecast every summary for ``horizon``, in the fit's unit of time."""
    return forecasts(outlook({fit.model: fit}, summaries), horizon)[fit.model]


def _any_purchase(known: Outlook, name: str, horizon: float) -> Floats:
    purchase_model = model(known.fits[name].model)

    def any_purchase(parameters: Floats, x: Floats, t_x: Floats, tenure: Floats) -> Floats:
        return purchase_model.at_least_if_alive(
            parameters, x, t_x, tenure, horizon, np.ones(len(x))
        )

    return if_alive(known, name, any_purchase)


def naive_forecast(summaries: PurchaseSummaries, horizon: float) -> Floats:
    """Carrying on at the rate so far: x / T for the whole horizon; 0 where T = 0."""
    tenure = summaries.tenure
    rate: Floats = np.where(tenure > 0, summaries.repeats / np.where(tenure > 0, tenure, 1.0), 0.0)
    return rate * horizon
