with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

reported_dates as (

    select * from {{ ref('int_kpi_reported_dates') }}

),

tickets as (

    select * from {{ ref('int_tickets') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'tickets'

),

-- An answer before the question is a wrong clock and measures nothing: it leaves.
durations as (

    select
        'first_response_minutes' as metric,
        source || '|' || ticket_id as ticket_key,
        {{ seconds_between('created_at', 'first_response_at') }} / 60.0 as duration,
        first_response_at as ended_at
    from tickets
    where first_response_at >= created_at
    union all
    select
        'resolution_hours' as metric,
        source || '|' || ticket_id as ticket_key,
        {{ seconds_between('created_at', 'resolved_at') }} / 3600.0 as duration,
        resolved_at as ended_at
    from tickets
    where resolved_at >= created_at

),

dated as (

    select
        durations.metric,
        durations.ticket_key,
        durations.duration,
        {{ local_date('durations.ended_at', 'run_parameters.time_zone') }}
            as ended_date
    from durations
    cross join run_parameters

),

ranked as (

    select
        dated.metric,
        reported_dates.reported_date,
        dated.duration,
        row_number() over (
            partition by dated.metric, reported_dates.reported_date
            order by dated.duration, dated.ticket_key
        ) as duration_rank,
        count(*) over (
            partition by dated.metric, reported_dates.reported_date
        ) as ticket_count
    from dated
    inner join metrics
        on dated.metric = metrics.metric
    inner join reported_dates
        on
            dated.ended_date <= reported_dates.reported_date
            and reported_dates.reported_date
            < {{ add_days('dated.ended_date', 'metrics.window_days') }}

),

-- The number of tickets below the true median is binomial with one half: the values at
-- these ranks enclose it in 95 of 100 samples or more; below eight tickets none do.
-- .979982: half of the normal distribution's 97.5 % point, 1.959964.
bounds as (

    select
        *,
        floor(ticket_count / 2.0 - 0.979982 * sqrt(ticket_count)) as low_rank,
        ceil(1 + ticket_count / 2.0 + 0.979982 * sqrt(ticket_count)) as high_rank
    from ranked

),

medians as (

    select
        metric,
        reported_date,
        max(ticket_count) as n,
        {{ quantile('duration', 0.5) }} as value,
        max(
            case
                when duration_rank = low_rank and high_rank <= ticket_count
                    then duration
            end
        ) as interval_low,
        max(
            case when duration_rank = high_rank and low_rank >= 1 then duration end
        ) as interval_high
    from bounds
    group by
        metric,
        reported_date

),

-- A metric without any data is reported as such, not left out.
final as (

    select
        ---------- ids
        metrics.metric,

        ---------- numerics
        cast(coalesce(medians.n, 0) as bigint) as n,
        medians.value,
        cast(medians.interval_low as double) as interval_low,
        cast(medians.interval_high as double) as interval_high,

        ---------- dates
        reported_dates.reported_date,
        reported_dates.as_of
    from metrics
    cross join reported_dates
    left join medians
        on
            metrics.metric = medians.metric
            and reported_dates.reported_date = medians.reported_date

)

select * from final
