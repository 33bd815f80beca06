"""Which days of a feed never came: a missing day must not look like a day without customers.

A feed (an object of a source) is known by the weekdays that it usually covers, so that a shop
without Sundays misses none. A day is judged once the contract's ``late_after_hours`` have passed.
"""

from __future__ import annotations

from collections.abc import Mapping

from expectations.suite import NO_ROWS, Expectation
from ingestion.contract import ObjectContract, load_contracts

# The same weekday of four weeks on either side; three of them make a habit.
SAME_WEEKDAYS = 4
ENOUGH_WEEKDAYS = 3
# Where a usual day has ten rows, one in 22,000 has none by chance (Poisson: exp(-10)).
ROWS_A_DAY = 10
# Further back than any comparison reaches, exports of whole histories need not be unrolled.
LONGEST_DELIVERY_DAYS = 400


def day_expectations(
    contracts: Mapping[str, ObjectContract] | None = None,
) -> tuple[Expectation, ...]:
    """The expectation on days, for the suite of ``raw.deliveries``."""
    contracts = load_contracts() if contracts is None else contracts
    feeds = ", ".join(
        f"('{contract.table}', {contract.late_after_hours // 24})"
        for contract in contracts.values()
        if contract.cadence == "daily" and contract.dates_the_data
    )
    return (
        Expectation(
            "every_usual_day_has_come",
            NO_ROWS,
            "warning",
            "No delivery covers this day, though the feed covers most of its neighbours of the "
            "same weekday: of those within 4 weeks on either side at least 3, and 3 of 4 of them, "
            "with 10 rows a day or more (2026-11: of Online Retail's 374 days that names the "
            "holidays and no Saturday). What the day held is missing from every number.",
            {"query": _MISSING.format(feeds=feeds, batch="{batch}")},
            next_step=(
                "Ask the source's owner for the day's export and put it beside the others: the "
                "next run takes it in, whatever its date. A closed shop needs nothing."
            ),
        ),
    )


_MISSING = f"""
    with daily as (
        select object, late_after_days from (values {{feeds}}) as feeds(object, late_after_days)
    ),
    days as (
        select
            source,
            object,
            late_after_days,
            rows_delivered,
            received_at::date as received_on,
            timezone(time_zone, timezone('UTC', data_through))::date as day_through,
            greatest(
                timezone(time_zone, timezone('UTC', data_from))::date,
                day_through - {LONGEST_DELIVERY_DAYS}
            ) as day_from,
            as_of
        from {{batch}}
        inner join daily using (object)
        cross join raw.run_parameters
        where status = 'accepted' and rows_delivered > 0 and data_through is not null
    ),
    feeds as (
        select
            source,
            object,
            min(day_from) as first_day,
            max(day_through) as last_day,
            greatest(last_day, max(as_of) - max(late_after_days)) as judged_through
        from days
        group by source, object
    ),
    covered as (
        select source, object, data_day, sum(row_count) as row_count
        from (
            select
                source,
                object,
                unnest(generate_series(day_from, day_through, interval 1 day))::date as data_day,
                rows_delivered / (day_through - day_from + 1) as row_count
            from days
        )
        group by all
    ),
    missing as (
        select source, object, data_day, first_day, last_day
        from (
            select
                *,
                unnest(generate_series(first_day, judged_through, interval 1 day))::date as data_day
            from feeds
        )
        anti join covered using (source, object, data_day)
    ),
    usual as (
        select missing.source, missing.object, missing.data_day
        from missing
        cross join range(-{SAME_WEEKDAYS}, {SAME_WEEKDAYS} + 1) as weeks(week)
        left join covered
            on missing.source = covered.source
            and missing.object = covered.object
            and covered.data_day = missing.data_day + 7 * week::integer
        where
            week <> 0
            and missing.data_day + 7 * week::integer between first_day and last_day
        group by all
        having
            count(covered.data_day) >= {ENOUGH_WEEKDAYS}
            and 4 * count(covered.data_day) >= 3 * count(*)
            and median(covered.row_count) >= {ROWS_A_DAY}
    )
    select usual.source, usual.object, usual.data_day
    from usual
    left join days
        on usual.source = days.source
        and usual.object = days.object
        and days.day_through > usual.data_day
    group by all
    -- Told on the night that brought a later day, or while nothing later has come.
    having
        coalesce(min(received_on), (select max(received_at)::date from {{batch}}))
        = (select max(received_at)::date from {{batch}})
    order by all
"""
