"""The purchase days of all customers, and what was known of them on any earlier day.

A purchase day is a day with something bought and kept (int_customer_purchase_days where
is_purchase_day): several orders of a day are one, days that end at zero or below are none. Refunds
are dated on their own day, so the rows up to an origin are what the company knew on that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from estimation.lifetime_value.purchase_summaries import (
    Floats,
    Integers,
    PurchaseSummaries,
    distinct,
)

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class PurchaseDays:
    """Purchase days sorted by customer and day.

    ``days``: whole days since 1970-01-01, shape (rows,). ``values``: money of the day, nan
    throughout where the source has no money. ``begins``: where each customer's rows begin, shape
    (customers,). ``values_until`` and ``log_gaps_until``: running sums over the rows of the money
    and of ln(days since the customer's last purchase day).
    """

    days: Integers
    values: Floats
    begins: Integers
    values_until: Floats
    log_gaps_until: Floats


@dataclass(frozen=True, eq=False)
class CustomersAt:
    """The customers who had bought by ``origin``: their place in PurchaseDays.begins, x, t_x and T
    in days, and m (nan for x = 0). All of one length.
    """

    origin: int
    places: Integers
    repeats: Floats
    recency: Floats
    tenure: Floats
    mean_value: Floats


def read(table: pa.Table) -> PurchaseDays:
    """Purchase days from Arrow: ``customer_id`` (any type), ``ordered_date`` (date), and
    ``net_value`` (decimal or float; a missing column: no money). One row per customer and day.
    Raises ValueError for a null or a repeated day.
    """
    for name in ("customer_id", "ordered_date"):
        if table[name].null_count:
            raise ValueError(
                f"{table[name].null_count} purchase days have no {name}: take such rows out of "
                "int_customer_purchase_days"
            )
    identifiers = table["customer_id"].combine_chunks().dictionary_encode()
    customer = identifiers.indices.to_numpy().astype(np.int64)
    day = pc.cast(table["ordered_date"], pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
    if "net_value" in table.column_names:
        value = pc.cast(table["net_value"], pa.float64()).to_numpy().astype(np.float64)
    else:
        value = np.full(len(day), np.nan)
    return arrange(customer, day, value)


def arrange(customer: Integers, day: Integers, value: Floats) -> PurchaseDays:
    """Purchase days from arrays of one length: customer number, days since 1970-01-01, money."""
    order = np.lexsort((day, customer))
    customer, day, value = customer[order], day[order], value[order]
    is_first = np.ones(len(day), dtype=bool)
    is_first[1:] = customer[1:] != customer[:-1]
    gaps = np.diff(day, prepend=day[:1])
    repeated = ~is_first & (gaps == 0)
    if repeated.any():
        raise ValueError(
            f"{int(repeated.sum())} purchase days stand there twice, the first one "
            f"{number_to_date(int(day[repeated][0]))}: merge a customer's orders of one day"
        )
    return PurchaseDays(
        days=day,
        values=value,
        begins=np.flatnonzero(is_first).astype(np.int64),
        values_until=np.cumsum(value),
        log_gaps_until=np.cumsum(np.log(np.where(is_first, 1, gaps))),
    )


def at_most(purchases: PurchaseDays, customers: int) -> PurchaseDays:
    """Every n-th customer, with the smallest n that leaves no more than so many; all where there
    are no more.
    """
    total = len(purchases.begins)
    step = -(-total // customers)
    if step <= 1:
        return purchases
    number = np.repeat(np.arange(total), np.diff([*purchases.begins, len(purchases.days)]))
    kept = number % step == 0
    return arrange(number[kept], purchases.days[kept], purchases.values[kept])


def customers_at(purchases: PurchaseDays, origin: int) -> CustomersAt:
    """What was known at the end of day ``origin``. O(rows)."""
    counts = _counts_until(purchases, origin)
    places = np.flatnonzero(counts > 0).astype(np.int64)
    first = purchases.begins[places]
    last = first + counts[places] - 1
    repeats = (counts[places] - 1).astype(np.float64)
    spent = purchases.values_until[last] - purchases.values_until[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_value = np.where(repeats > 0, spent / repeats, np.nan)
    return CustomersAt(
        origin=origin,
        places=places,
        repeats=repeats,
        recency=(purchases.days[last] - purchases.days[first]).astype(np.float64),
        tenure=(origin - purchases.days[first]).astype(np.float64),
        mean_value=mean_value,
    )


def log_intervals_at(purchases: PurchaseDays, origin: int) -> float:
    """Sum of ln(days between neighbouring purchase days of a customer) over everything up to
    ``origin``, of customers who had bought before that day (T > 0).
    """
    counts = _counts_until(purchases, origin)
    first = purchases.begins[counts > 0]
    last = first + counts[counts > 0] - 1
    return float((purchases.log_gaps_until[last] - purchases.log_gaps_until[first]).sum())


def purchases_within(purchases: PurchaseDays, known: CustomersAt, horizon: int) -> Floats:
    """Purchase days of each known customer in (origin, origin + horizon]."""
    before = _counts_until(purchases, known.origin)[known.places]
    after = _counts_until(purchases, known.origin + horizon)[known.places]
    return (after - before).astype(np.float64)


def value_within(purchases: PurchaseDays, known: CustomersAt, horizon: int) -> Floats:
    """Money of each known customer's purchase days in (origin, origin + horizon]."""
    first = purchases.begins[known.places] - 1
    before = first + _counts_until(purchases, known.origin)[known.places]
    after = first + _counts_until(purchases, known.origin + horizon)[known.places]
    spent: Floats = purchases.values_until[after] - purchases.values_until[before]
    return spent


def distinct_summaries(known: CustomersAt) -> tuple[PurchaseSummaries, Integers]:
    """The customers' distinct (x, t_x, T), T = 0 included, and which of them each customer has."""
    columns = [known.repeats, known.recency, known.tenure]
    first, inverse = distinct(columns)
    counts = np.bincount(inverse, minlength=len(first)).astype(np.float64)
    repeats, recency, tenure = (column[first] for column in columns)
    return PurchaseSummaries(repeats, recency, tenure, counts), inverse


def date_to_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def number_to_date(number: int) -> date:
    """The day that many days after 1970-01-01."""
    return date.fromordinal(EPOCH.toordinal() + number)


def _counts_until(purchases: PurchaseDays, day: int) -> Integers:
    if not len(purchases.days):
        return np.zeros(0, dtype=np.int64)
    counts: Integers = np.add.reduceat((purchases.days <= day).astype(np.int64), purchases.begins)
    return counts
