"""What the purchase models see of a customer: x, t_x and T, and how many customers share them.

The three are sufficient for every model here, so customers with the same three are one row with a
weight (Fader, Hardie and Lee 2005). Rows are sorted, so that sums run in one order and a fit gives
the same bits on every night.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Three whole numbers below this fit into one 63-bit key: 2 million days are 5,741 years.
PACKED_LIMIT = 1 << 21


class ImpossibleSummary(ValueError):
    """A purchase summary that no sequence of purchases can have."""


@dataclass(frozen=True, eq=False)
class PurchaseSummaries:
    """Distinct (x, t_x, T), ascending, with the customers behind each. All of one length."""

    repeats: Floats
    recency: Floats
    tenure: Floats
    customers: Floats

    def __len__(self) -> int:
        """Number of distinct summaries."""
        return len(self.repeats)


def summarise(
    repeats: ArrayLike,
    recency: ArrayLike,
    tenure: ArrayLike,
    customers: ArrayLike | None = None,
) -> PurchaseSummaries:
    """Collect rows of any order into sorted distinct summaries.

    All arguments of one length; ``customers`` (default: one each) are the weights. Raises
    ImpossibleSummary unless 0 <= t_x <= T, x is a whole number >= 0, and t_x = 0 exactly where x =
    0.
    """
    columns = [np.asarray(column, np.float64) for column in (repeats, recency, tenure)]
    weights = np.ones(len(columns[0])) if customers is None else np.asarray(customers, np.float64)
    _refuse_impossible(columns[0], columns[1], columns[2], weights)
    first, inverse = distinct(columns)
    repeats, recency, tenure = (column[first] for column in columns)
    return PurchaseSummaries(repeats, recency, tenure, sums_at(inverse, weights, len(first)))


def summaries_from_arrow(table: pa.Table) -> PurchaseSummaries:
    """Summaries of a table with ``repeat_purchase_days``, ``recency_days``, ``tenure_days``
    (numbers) and, where rows stand for several customers, ``customers``. Rows with a null are
    customers without a purchase day: they are left out. Raises ImpossibleSummary as `summarise`
    does.
    """
    names = ["repeat_purchase_days", "recency_days", "tenure_days"]
    if "customers" in table.column_names:
        names.append("customers")
    known = table.select(names).drop_null()
    return summarise(*(_floats(known[name]) for name in names))


def observed(summaries: PurchaseSummaries) -> PurchaseSummaries:
    """The summaries that a fit can learn from: T > 0. Who came today has been observed for no time
    at all.
    """
    return select(summaries, summaries.tenure > 0)


def select(summaries: PurchaseSummaries, mask: NDArray[np.bool_]) -> PurchaseSummaries:
    """The summaries where ``mask`` (one flag per summary) holds."""
    return PurchaseSummaries(
        summaries.repeats[mask],
        summaries.recency[mask],
        summaries.tenure[mask],
        summaries.customers[mask],
    )


def sums_at(positions: NDArray[np.integer], amounts: Floats, size: int) -> Floats:
    """Sum of the amounts at each position 0, ..., ``size`` - 1; both arguments of one length."""
    return np.bincount(positions, amounts, size).astype(np.float64)


def distinct(columns: list[Floats]) -> tuple[Integers, Integers]:
    """Positions of a row of each distinct tuple, in ascending order, and which of these tuples each
    row is.

    At most three columns of one length, none negative.
    """
    if all((column < PACKED_LIMIT).all() and (column % 1 == 0).all() for column in columns):
        key = np.zeros(len(columns[0]), dtype=np.int64)
        for column in columns:
            key = key * PACKED_LIMIT + column.astype(np.int64)
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        return first.astype(np.int64), inverse.astype(np.int64)
    order = np.lexsort(columns[::-1])
    changes = np.zeros(len(order), dtype=bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= np.diff(column[order]) != 0
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.cumsum(changes) - 1
    return order[changes].astype(np.int64), inverse


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.to_numpy().astype(np.float64)
    return values


def _refuse_impossible(repeats: Floats, recency: Floats, tenure: Floats, customers: Floats) -> None:
    rules = {
        "a number is missing or infinite": ~np.isfinite(repeats + recency + tenure + customers),
        "x must be a whole number, zero or more": (repeats < 0) | (repeats != np.floor(repeats)),
        "0 <= t_x <= T must hold": (recency < 0) | (recency > tenure),
        "t_x is zero exactly when x is": (repeats == 0) != (recency == 0),
        "a weight must be positive": customers <= 0,
    }
    for rule, broken in rules.items():
        if broken.any():
            row = int(np.flatnonzero(broken)[0])
            raise ImpossibleSummary(
                f"{rule}: row {row} has x={repeats[row]:g}, t_x={recency[row]:g}, "
                f"T={tenure[row]:g}, customers={customers[row]:g} "
                f"({int(broken.sum())} such rows). Mend int_customer_rfm, which makes these"
            )
