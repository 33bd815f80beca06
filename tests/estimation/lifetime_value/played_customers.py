"""Customers who play the story that MBG/NBD tells: whole purchase days, as exports have them."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from estimation.lifetime_value.purchase_days import PurchaseDays, arrange


def play_days(
    random: Generator,
    customers: int,
    days: int,
    *,
    first_days: int | None = None,
    chance: float | None = None,
    r: float = 0.5,
    alpha: float = 30.0,
    a: float = 0.8,
    b: float = 2.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Customer numbers and purchase days 0..days; everybody begins in the first ``first_days``."""
    first = random.integers(0, first_days or max(1, days // 2), customers)
    rate = random.gamma(r, 1 / alpha, customers)
    leaving = random.beta(a, b, customers) if chance is None else np.full(customers, chance)
    who = [np.arange(customers)]
    when = [first.astype(np.float64)]
    here = random.random(customers) >= leaving
    moment = first.astype(np.float64)
    while here.any():
        moment = np.where(
            here, moment + random.exponential(size=customers) / np.maximum(rate, 1e-12), moment
        )
        here &= moment <= days
        who.append(np.flatnonzero(here))
        when.append(np.ceil(moment[here]))
        here &= random.random(customers) >= leaving
    pairs = np.unique(
        np.stack([np.concatenate(who), np.concatenate(when)]).astype(np.int64), axis=1
    )
    inside = pairs[1] <= days
    return pairs[0][inside], pairs[1][inside]


def play_mbg(
    random: Generator,
    customers: int,
    days: int,
    *,
    first_days: int | None = None,
    chance: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, t_x and T of such customers on the last day."""
    who, when = play_days(random, customers, days, first_days=first_days, chance=chance)
    repeats = np.bincount(who) - 1
    first = np.full(customers, days)
    np.minimum.at(first, who, when)
    last = np.zeros(customers, dtype=np.int64)
    np.maximum.at(last, who, when)
    return repeats, last - first, days - first


def play_purchases(random: Generator, customers: int, days: int) -> PurchaseDays:
    """Purchase days with money: gamma distributed around a customer's own mean."""
    who, when = play_days(random, customers, days)
    mean = 15.0 / random.gamma(3.7, 1.0, customers)
    return arrange(who, when, random.gamma(6.0, mean[who]))
