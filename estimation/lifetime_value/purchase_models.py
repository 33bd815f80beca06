"""The purchase models by name, behind one set of functions.

- ``bg_nbd``: a customer can leave after a repeat purchase (Fader, Hardie and Lee 2005). Who bought
  once is alive by assumption.
- ``mbg_nbd``: a customer can leave after the first purchase too (Batislam, Denizel and Filiztekin
  2007).
- ``pareto_nbd``: a customer can leave at any moment (Schmittlein, Morrison and Colombo 1987).
- ``mbg_cnbd_k``: MBG/NBD with purchases k stages apart, more regular than chance (Reutterer,
  Platzer and Schroeder 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.random import Generator

from estimation.lifetime_value import beta_geometric, geometric_dropout, pareto_nbd
from estimation.lifetime_value.geometric_dropout import Dropout
from estimation.lifetime_value.maximum_likelihood import Objective
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries


class MakeObjective(Protocol):
    """From sorted summaries to the mean log likelihood over logarithms."""

    def __call__(self, summaries: PurchaseSummaries) -> Objective: ...


class PAlive(Protocol):
    """Probability per row that the customer has not left by T."""

    def __call__(
        self, parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats
    ) -> Floats: ...


class PurchasesIfAlive(Protocol):
    """Expected purchases per row within ``horizon``, given alive at T."""

    def __call__(
        self,
        parameters: Floats,
        repeats: Floats,
        recency: Floats,
        tenure: Floats,
        horizon: float,
    ) -> Floats: ...


class AtLeastIfAlive(Protocol):
    """Probability per row of ``count`` purchases or more within ``horizon``, given alive at T."""

    def __call__(
        self,
        parameters: Floats,
        repeats: Floats,
        recency: Floats,
        tenure: Floats,
        horizon: float,
        count: Floats,
    ) -> Floats: ...


class Draw(Protocol):
    """One exact draw per row of the purchases within ``horizon``."""

    def __call__(
        self,
        random: Generator,
        parameters: Floats,
        repeats: Floats,
        recency: Floats,
        tenure: Floats,
        horizon: float,
    ) -> Floats: ...


@dataclass(frozen=True)
class PurchaseModel:
    """One model. ``is_time``: which parameters are in units of time. ``without_dropout``: the
    parameters where nobody leaves (r and alpha are free there). ``uses_recency``: whether the
    future of a living customer depends on t_x.
    """

    name: str
    names: tuple[str, ...]
    is_time: tuple[bool, ...]
    without_dropout: tuple[float, ...]
    objective: MakeObjective
    p_alive: PAlive
    purchases_if_alive: PurchasesIfAlive
    at_least_if_alive: AtLeastIfAlive
    draw: Draw
    regularity: int = 1

    @property
    def uses_recency(self) -> bool:
        """Whether the future of a living customer depends on t_x."""
        return self.regularity > 1


def mbg_cnbd(regularity: int) -> PurchaseModel:
    """MBG/CNBD-k for k = ``regularity`` >= 1; k = 1 is MBG/NBD under another name."""
    return _beta_geometric(f"mbg_cnbd_{regularity}", Dropout(True, regularity))


def model(name: str) -> PurchaseModel:
    """The model of that name. Raises KeyError naming the models there are."""
    for known in (BG_NBD, MBG_NBD, PARETO_NBD):
        if known.name == name:
            return known
    prefix, _, regularity = name.rpartition("_")
    if prefix == "mbg_cnbd" and regularity.isdigit() and int(regularity) >= 1:
        return mbg_cnbd(int(regularity))
    raise KeyError(
        f"no purchase model {name!r}: there are bg_nbd, mbg_nbd, pareto_nbd and mbg_cnbd_<k>"
    )


def _beta_geometric(name: str, dropout: Dropout) -> PurchaseModel:
    return PurchaseModel(
        name=name,
        names=geometric_dropout.PARAMETER_NAMES,
        is_time=(False, True, False, False),
        without_dropout=(1.0, 1.0, 0.0, 1.0),
        objective=partial(_geometric_objective, dropout),
        p_alive=partial(geometric_dropout.p_alive, dropout),
        purchases_if_alive=partial(beta_geometric.purchases_if_alive, dropout),
        at_least_if_alive=partial(beta_geometric.at_least_if_alive, dropout),
        draw=partial(_beta_geometric_draw, dropout),
        regularity=dropout.regularity,
    )


def _geometric_objective(dropout: Dropout, summaries: PurchaseSummaries) -> Objective:
    rows = geometric_dropout.arrange(summaries, dropout)

    def evaluate(logarithms: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logarithms)
        value, slopes = geometric_dropout.log_likelihood(dropout, rows, parameters)
        return value / rows.customers, parameters * slopes / rows.customers

    return evaluate


def _beta_geometric_draw(
    dropout: Dropout,
    random: Generator,
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
) -> Floats:
    return beta_geometric.draw(random, dropout, parameters, repeats, recency, tenure, horizon)


def _pareto_purchases(
    parameters: Floats, repeats: Floats, recency: Floats, tenure: Floats, horizon: float
) -> Floats:
    return pareto_nbd.purchases_if_alive(parameters, repeats, tenure, horizon)


def _pareto_at_least(
    parameters: Floats,
    repeats: Floats,
    recency: Floats,
    tenure: Floats,
    horizon: float,
    count: Floats,
) -> Floats:
    return pareto_nbd.at_least_if_alive(parameters, repeats, tenure, horizon, count)


BG_NBD = _beta_geometric("bg_nbd", Dropout(False))
MBG_NBD = _beta_geometric("mbg_nbd", Dropout(True))
PARETO_NBD = PurchaseModel(
    name="pareto_nbd",
    names=pareto_nbd.PARAMETER_NAMES,
    is_time=(False, True, False, True),
    without_dropout=(1.0, 1.0, 0.0, 1.0),
    objective=pareto_nbd.objective,
    p_alive=pareto_nbd.p_alive,
    purchases_if_alive=_pareto_purchases,
    at_least_if_alive=_pareto_at_least,
    draw=pareto_nbd.draw,
)
