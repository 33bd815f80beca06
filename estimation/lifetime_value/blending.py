"""Who speaks for whom once a champion is chosen.

Customers with repeats are forecast by the mean of the champion and BG/NBD: models err in different
places, and a mean of two is rarely worse than the better one (Bates and Granger 1969, Operational
Research Quarterly 20). Who bought once is forecast by MBG/NBD, whoever the champion is: BG/NBD
holds such customers alive by assumption.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from estimation.lifetime_value.forecasting import Forecast
from estimation.lifetime_value.purchase_models import BG_NBD, MBG_NBD
from estimation.lifetime_value.purchase_summaries import Floats, PurchaseSummaries


def speakers(champion: str) -> tuple[str, ...]:
    """The models whose parameters a forecast with that champion needs, the champion first."""
    return tuple(dict.fromkeys((champion, BG_NBD.name, MBG_NBD.name)))


def newcomers_model(champion: str, available: Collection[str]) -> str:
    """The model for x = 0: MBG/NBD, or the champion where MBG/NBD cannot be fitted."""
    return MBG_NBD.name if MBG_NBD.name in available else champion


def repeaters_models(champion: str, available: Collection[str]) -> tuple[str, ...]:
    """The models for x > 0, the champion first; their forecasts weigh the same."""
    both = champion != BG_NBD.name and BG_NBD.name in available
    return (champion, BG_NBD.name) if both else (champion,)


def mix(values: Mapping[str, Floats], champion: str, repeats: Floats) -> Floats:
    """One number per summary out of every model's; ``repeats``: x."""
    names = repeaters_models(champion, values)
    own = np.mean([values[name] for name in names], axis=0)
    return np.where(repeats == 0, values[newcomers_model(champion, values)], own)


def blend(futures: Mapping[str, Forecast], champion: str, summaries: PurchaseSummaries) -> Forecast:
    """The forecast with that champion, before paces. ``futures``: every model's own."""

    def mixed(part: str) -> Floats:
        values = {name: getattr(future, part) for name, future in futures.items()}
        return mix(values, champion, summaries.repeats)

    return Forecast(mixed("expected"), mixed("p_any"), mixed("p_alive"))


def alone(futures: Mapping[str, Forecast], name: str, summaries: PurchaseSummaries) -> Floats:
    """Expected orders by one model for x > 0, and as above for x = 0: what models are compared
    by.
    """
    once = futures[newcomers_model(name, futures)].expected
    return np.where(summaries.repeats == 0, once, futures[name].expected)


def level(futures: Mapping[str, Forecast], champion: str, summaries: PurchaseSummaries) -> float:
    """The total of all customers' expected orders: plain BG/NBD's, and without it the blend's."""
    plain = futures.get(BG_NBD.name)
    expected = blend(futures, champion, summaries).expected if plain is None else plain.expected
    return float(summaries.customers @ expected)
