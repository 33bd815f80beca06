"""What the engagement score may look at, laid out for a model that learns: numbers by customer.

Every number comes from int_engagement_signal_days (the rows that the score is made of) up to the
origin's own day. The customers are those that the warehouse ranks there: who had bought by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Each number by the group that it is taken away or added with.
MEASURES = {
    "score's own sum": ("own_sum",),
    "recency": ("days_since_last",),
    "tenure": ("days_since_first",),
    "counts": ("events", "active_days", "days_7", "days_30", "days_90"),
    "other half-lives": ("sum_7", "sum_14", "sum_30", "sum_60", "sum_180", "sum_365"),
    "rhythm": ("last_gap", "mean_gap", "longest_gap", "gap_spread", "gaps_since_last"),
}

DIGITS = 9

CUSTOMER_DAYS = """
    create or replace temporary table customer_days as
    with known as (
        select
            assignments.customer_id, days.signal, days.active_date,
            sum(days.event_count) as event_count
        from intermediate.int_engagement_signal_days as days
        inner join staging.stg_estimates__identity_assignments as assignments
            on days.identifier = assignments.identifier
            and (assignments.valid_from is null or assignments.valid_from <= days.active_date)
            and (assignments.valid_to is null or days.active_date < assignments.valid_to)
        group by all
    ),
    whole as (
        select * from known
        union all
        select customer_id, 'any signal', active_date, sum(event_count) from known
        where (select count(distinct signal) from known) > 1
        group by all
    )
    select
        *,
        active_date - lag(active_date) over (
            partition by customer_id, signal order by active_date
        ) as gap
    from whole
"""

POPULATION = """
    create or replace temporary table population as
    select
        row_number() over (order by origin, customer_id) - 1 as place,
        origin, customer_id,
        coalesce(bool_or(
            order_count > 0 and ordered_date > origin and ordered_date <= origin + $horizon
        ), false) as has_ordered
    from intermediate.int_customer_purchase_days
    cross join (select unnest($origins::date[]) as origin)
    group by origin, customer_id
    having bool_or(is_purchase_day and ordered_date <= origin)
"""

# All signals together have no half-life in the configuration, so no sum of the score's own.
NUMBERS = """
    select
        population.place, days.signal,
        sum(least(event_count, daily_cap) * power(2, -age / half_life_days)) as own_sum,
        min(age) as days_since_last,
        max(age) as days_since_first,
        sum(event_count) as events,
        count(*) as active_days,
        count(*) filter (age < 7) as days_7,
        count(*) filter (age < 30) as days_30,
        count(*) filter (age < 90) as days_90,
        sum(event_count * power(2, -age / 7)) as sum_7,
        sum(event_count * power(2, -age / 14)) as sum_14,
        sum(event_count * power(2, -age / 30)) as sum_30,
        sum(event_count * power(2, -age / 60)) as sum_60,
        sum(event_count * power(2, -age / 180)) as sum_180,
        sum(event_count * power(2, -age / 365)) as sum_365,
        arg_max(gap, active_date) as last_gap,
        avg(gap) as mean_gap,
        max(gap) as longest_gap,
        stddev_samp(gap) as gap_spread,
        min(age) / avg(gap) as gaps_since_last
    from population
    inner join (
        select *, unnest($origins::date[]) as origin from customer_days
    ) as days using (customer_id, origin)
    left join intermediate.int_engagement_weights using (signal)
    cross join lateral (select (origin - active_date)::double as age)
    where active_date <= origin
    group by all
"""


@dataclass(frozen=True)
class Inputs:
    """One row a customer and origin; what is not known of somebody is not a number."""

    origins: npt.NDArray[np.int64]
    customers: npt.NDArray[np.object_]
    has_ordered: npt.NDArray[np.bool_]
    numbers: Floats
    names: tuple[str, ...]
    groups: tuple[str, ...]


def read_inputs(
    connection: duckdb.DuckDBPyConnection, origins: Sequence[date], horizon: int
) -> Inputs:
    """Inputs at all origins, and who ordered in the ``horizon`` days after each; ``origins`` of the
    result are places in the sequence. Needs ascending days.
    """
    given = {"origins": list(origins)}
    connection.execute(CUSTOMER_DAYS)
    connection.execute(POPULATION, given | {"horizon": horizon})
    rows = connection.execute(
        "select epoch(origin) // 86400 as day, customer_id, has_ordered "
        "from population order by place"
    ).fetchnumpy()
    found = connection.execute(NUMBERS, given).fetchnumpy()
    numbers, names, groups = _arranged(found, len(rows["day"]))
    return Inputs(
        origins=np.unique(rows["day"], return_inverse=True)[1],
        customers=np.asarray(rows["customer_id"], dtype=object),
        has_ordered=np.asarray(rows["has_ordered"], dtype=bool),
        numbers=numbers,
        names=names,
        groups=groups,
    )


def _arranged(
    found: Mapping[str, Any], rows: int
) -> tuple[Floats, tuple[str, ...], tuple[str, ...]]:
    columns, names, groups = [], [], []
    for signal in np.unique(np.asarray(found["signal"], dtype=str)):
        mine = np.asarray(found["signal"], dtype=str) == signal
        for group, measures in MEASURES.items():
            for measure in measures:
                values = np.ma.filled(np.ma.asarray(found[measure], dtype=np.float64), np.nan)
                column = np.full(rows, np.nan)
                # Threads add in any order; the last digits must not choose where a tree splits.
                column[found["place"][mine]] = np.round(values[mine], DIGITS)
                if not np.isnan(column).all():
                    columns.append(column)
                    names.append(f"{signal}: {measure}")
                    groups.append(group)
    return np.column_stack(columns), tuple(names), tuple(groups)
