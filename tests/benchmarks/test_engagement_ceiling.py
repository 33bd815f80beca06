"""What the boosted model may look at: nothing after the origin, nothing of unfinished outcomes."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from benchmarks.engagement_ceiling import (
    TRIALS,
    DifferentPopulation,
    Ranking,
    Trial,
    aligned,
)
from benchmarks.engagement_inputs import Inputs, read_inputs

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def inputs_at(origins: list[date], *, later_events: bool) -> Inputs:
    """Ann ordered on two days of February, Ben on one; in March Ann orders, Cem for the first time.

    A changed hands in March: what identifier a did before is Ann's, what it did then is Ben's.
    """
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema intermediate; create schema staging;
            create table intermediate.int_engagement_signal_days as
            select * from (values
                ('a', 'order', date '2026-02-01', 2), ('a', 'order', date '2026-02-11', 1),
                ('b', 'order', date '2026-02-21', 1), ('b', 'email_click', date '2026-02-22', 5),
                ('a', 'email_click', date '2026-03-15', 1), ('c', 'order', date '2026-03-02', 1)
            ) as days (identifier, signal, active_date, event_count);
            create table staging.stg_estimates__identity_assignments as
            select * from (values
                ('a', 'ann', null, timestamp '2026-03-10'),
                ('a', 'ben', timestamp '2026-03-10', null),
                ('b', 'ben', null, null), ('c', 'cem', null, null)
            ) as assignments (identifier, customer_id, valid_from, valid_to);
            create table intermediate.int_customer_purchase_days as
            select * from (values
                ('ann', date '2026-02-01', 2, true), ('ann', date '2026-02-11', 1, true),
                ('ben', date '2026-02-21', 1, true), ('ann', date '2026-03-20', 1, true),
                ('cem', date '2026-03-02', 1, true)
            ) as days (customer_id, ordered_date, order_count, is_purchase_day);
            create table intermediate.int_engagement_weights as
            select * from (values ('order', 10, 1), ('email_click', 30, 3))
                as weights (signal, half_life_days, daily_cap)
            """
        )
        if not later_events:
            connection.execute(
                "delete from intermediate.int_engagement_signal_days where active_date > ?",
                [origins[0]],
            )
        return read_inputs(connection, origins, 30)


def column(inputs: Inputs, name: str) -> list[float]:
    return [float(value) for value in inputs.numbers[:, inputs.names.index(name)]]


def test_the_numbers_are_those_of_the_origin_counted_by_hand() -> None:
    found = inputs_at([MARCH], later_events=True)
    assert list(found.customers) == ["ann", "ben"]
    assert list(found.has_ordered) == [True, False]
    # Ann: 28 and 18 days ago, halved every 10 days; the first day's two orders are capped to one.
    assert column(found, "order: own_sum") == pytest.approx([2**-2.8 + 2**-1.8, 2**-0.8])
    assert column(found, "order: days_since_first") == [28, 8]
    assert column(found, "order: events") == [3, 1]
    assert column(found, "order: last_gap") == pytest.approx([10, np.nan], nan_ok=True)
    assert column(found, "order: gaps_since_last") == pytest.approx([1.8, np.nan], nan_ok=True)
    assert column(found, "email_click: events") == pytest.approx([np.nan, 5], nan_ok=True)
    assert column(found, "any signal: active_days") == [2, 2]


def test_nothing_after_the_origin_enters_the_numbers() -> None:
    with_later, without = (inputs_at([MARCH], later_events=later) for later in (True, False))
    assert with_later.names == without.names
    np.testing.assert_array_equal(with_later.numbers, without.numbers)


def test_an_act_counts_for_whom_the_identifier_belonged_to_that_day() -> None:
    found = inputs_at([MARCH, APRIL], later_events=True)
    assert list(found.origins) == [0, 0, 1, 1, 1]
    assert list(found.customers[2:]) == ["ann", "ben", "cem"]
    assert column(found, "email_click: events")[2:] == pytest.approx(
        [np.nan, 6, np.nan], nan_ok=True
    )
    # What was an outcome in March is known in April, and nobody orders afterwards.
    assert not found.has_ordered[2:].any()


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.company.configuration)
def test_a_model_learns_from_outcomes_that_were_complete_on_the_tested_day(trial: Trial) -> None:
    assert list(trial.origins) == sorted(set(trial.origins))
    for day in trial.tested:
        known = [trial.origins[place] for place in trial.known_at(day)]
        assert len(known) >= 3
        assert max(known) + timedelta(days=trial.horizon) <= day
    assert max(trial.tested) + timedelta(days=trial.horizon) <= trial.company.last_day


@pytest.mark.parametrize(
    ("ranked", "area"),
    [
        pytest.param({"ann": (40.0, True)}, 1.0, id="a customer is not ranked"),
        pytest.param({"ann": (40.0, True), "ben": (20.0, True)}, 1.0, id="another outcome"),
        pytest.param({"ann": (40.0, True), "ben": (20.0, False)}, 0.9, id="another area"),
    ],
)
def test_a_warehouse_that_ranked_somebody_else_is_refused(
    ranked: dict[str, tuple[float, bool]], area: float
) -> None:
    customers, happened = np.array(["ann", "ben"], dtype=object), np.array([True, False])
    whole = Ranking({"ann": (40.0, True), "ben": (20.0, False)}, 1.0, 0.0)
    assert list(aligned(MARCH, customers, happened, whole)) == [40, 20]
    with pytest.raises(DifferentPopulation, match="2026-03-01"):
        aligned(MARCH, customers, happened, Ranking(ranked, area, 0.0))
