"""What sizes of deliveries are usual: expectations that compare a day with the days before it.

A *day* is all that one night received of an object for one last day of data, so that a split file
is not half a day. Only days that reach further than everything received on earlier nights are
judged, and compared with: a late or corrected file is small by nature. Sizes of real shops vary
(Sundays, the week before Christmas), so a small day alone is told; the night stops where something
else says that rows are missing.
"""

from __future__ import annotations

from expectations.suite import NO_ROWS, Expectation

# A week of daily files before the first judgement, four weeks to compare with, and eight of the
# same weekday once there are four.
EARLIER_DAYS = 7
WINDOW = 28
SAME_WEEKDAYS = 8
ENOUGH_WEEKDAYS = 4
# Smaller days are small by chance.
ROWS_TO_JUDGE = 30

_DAYS = f"""
    with days as (
        select
            source,
            object,
            received_at::date as received_on,
            timezone(time_zone, timezone('UTC', coalesce(data_through, received_at)))
                as local_through,
            local_through::date as data_day,
            rows_delivered,
            reason,
            delivery_id
        from {{batch}} cross join raw.run_parameters
        where status = 'accepted'
    ),
    nights as (
        select
            source,
            object,
            received_on,
            max(max(data_day)) over (
                partition by source, object
                order by received_on
                rows between unbounded preceding and 1 preceding
            ) as known_through
        from days
        group by source, object, received_on
    ),
    sizes as (
        select
            source,
            object,
            data_day,
            sum(rows_delivered) as row_count,
            max(epoch(local_through) - epoch(data_day)) / 3600 as last_hour,
            max(received_on) as received_on,
            max(reason) as reason,
            min(delivery_id) as delivery_id
        from days inner join nights using (source, object, received_on)
        where data_day > coalesce(known_through, date '1900-01-01')
        group by all
    ),
    compared as (
        select
            *,
            count(*) over before as earlier_days,
            coalesce(
                case
                    when count(*) over same_weekdays >= {ENOUGH_WEEKDAYS}
                        then median(row_count) over same_weekdays
                end,
                median(row_count) over before
            ) as usual,
            min(row_count) over before as smallest,
            max(row_count) over before as largest,
            min(last_hour) over before as earliest_last_hour
        from sizes
        window
            before as (
                partition by source, object
                order by data_day
                rows between {WINDOW} preceding and 1 preceding
            ),
            same_weekdays as (
                partition by source, object, dayofweek(data_day)
                order by data_day
                rows between {SAME_WEEKDAYS} preceding and 1 preceding
            )
    )
    select source, delivery_id, object, data_day, row_count, usual
    from compared
    where
        earlier_days >= {EARLIER_DAYS}
        and usual >= {ROWS_TO_JUDGE}
        and reason = ''
"""

# A warning is told on the night it arrives; history would repeat it every night.
_TONIGHT = "and received_on = (select max(received_at)::date from raw.deliveries)"

_COMPARISON = (
    "Usual is the median of the last 8 same weekdays, or where there are fewer than 4 of them of "
    "the 28 days before; the comparison starts after 7 days and leaves out days of under 30 rows, "
    "which are small by chance (2026-11)."
)


def size_expectations() -> tuple[Expectation, ...]:
    """The expectations on sizes, for the suite of ``raw.deliveries``."""
    return (
        _expectation(
            "a_day_is_not_cut_short",
            "critical",
            "row_count <= 0.55 * usual and last_hour < earliest_last_hour - 1",
            "About half of the rows are missing and the data stop more than an hour before they "
            "did on any of the 28 days before: a file cut at a line end, which no reader can "
            "notice. 0.55: the last day of Online Retail is real, ends at 12:50 and holds 0.56 of "
            "its usual; none of its other days, of 92 days of GA4 or of 177 of a web shop closes.",
        ),
        _expectation(
            "a_day_does_not_shrink_beyond_its_variation",
            "critical",
            "3 * row_count <= 2 * usual and row_count * largest < smallest * smallest",
            "A third of the usual rows is missing, and the day is further below the smallest of "
            "the 28 days before than that was below the largest (as a ratio): a steady feed that "
            "lost a third stops the night, a shop with quiet Sundays does not.",
        ),
        _expectation(
            "a_day_is_more_than_half_the_usual",
            "warning",
            f"row_count <= usual / 2 {_TONIGHT}",
            "At most half the usual rows, without a sign that the file is incomplete: a holiday "
            "(5 of 305 days of Online Retail), or a part of the shop that stopped reporting.",
        ),
        _expectation(
            "a_day_is_less_than_five_times_the_usual",
            "warning",
            f"row_count >= 5 * usual {_TONIGHT}",
            "Five times the usual rows: a sale, or an export that repeats history under new ids. "
            "Up to four times happens in the real data sets we have.",
        ),
    )


def _expectation(name: str, severity: str, condition: str, meaning: str) -> Expectation:
    return Expectation(
        name, NO_ROWS, severity, f"{meaning} {_COMPARISON}", {"query": f"{_DAYS} and {condition}"}
    )
