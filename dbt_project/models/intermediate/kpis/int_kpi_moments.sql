with

reported_dates as (

    select * from {{ ref('int_kpi_reported_dates') }}

),

spells as (

    select * from {{ ref('int_kpi_spells') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where kind != 'median'

),

horizon as (

    select
        max(as_of) as as_of,
        min(reported_date) as first_date
    from reported_dates

),

-- Everything older than the first reported day is one opening entry: cost follows the
-- days that can still change a number, not the history.
entries as (

    select
        spells.metric,
        spells.segment,
        spells.channel,
        spells.cluster_id,
        spells.numerator,
        spells.denominator,
        spells.observations,
        greatest(spells.starts_on, horizon.first_date) as changed_on
    from spells
    cross join horizon
    where
        spells.starts_on <= horizon.as_of
        and (spells.ends_on is null or spells.ends_on > horizon.first_date)

),

exits as (

    select
        spells.metric,
        spells.segment,
        spells.channel,
        spells.cluster_id,
        -spells.numerator as numerator,
        -spells.denominator as denominator,
        -spells.observations as observations,
        spells.ends_on as changed_on
    from spells
    cross join horizon
    where
        spells.starts_on <= horizon.as_of
        and spells.ends_on > horizon.first_date
        and spells.ends_on <= horizon.as_of

),

changes as (

    select * from entries
    union all
    select * from exits

),

cluster_changes as (

    select
        metric,
        segment,
        channel,
        cluster_id,
        changed_on,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(observations) as observations
    from changes
    group by
        metric,
        segment,
        channel,
        cluster_id,
        changed_on

),

running as (

    select
        metric,
        segment,
        channel,
        changed_on,
        cast(numerator as decimal(19, 4)) as numerator_change,
        cast(denominator as decimal(19, 4)) as denominator_change,
        cast(observations as bigint) as observation_change,
        cast(
            sum(numerator) over (
                partition by metric, segment, channel, cluster_id
                order by changed_on
                rows between unbounded preceding and current row
            ) as decimal(19, 4)
        ) as numerator,
        cast(
            sum(denominator) over (
                partition by metric, segment, channel, cluster_id
                order by changed_on
                rows between unbounded preceding and current row
            ) as decimal(19, 4)
        ) as denominator,
        cast(
            sum(observations) over (
                partition by metric, segment, channel, cluster_id
                order by changed_on
                rows between unbounded preceding and current row
            ) as bigint
        ) as observations
    from cluster_changes

),

before_and_after as (

    select
        *,
        cast(numerator - numerator_change as decimal(19, 4)) as numerator_before,
        cast(denominator - denominator_change as decimal(19, 4))
            as denominator_before,
        observations - observation_change as observations_before
    from running

),

-- How much each customer's change moved the sums of squares that an interval is made
-- of.
day_changes as (

    select
        metric,
        segment,
        channel,
        changed_on,
        sum(numerator_change) as numerator,
        sum(denominator_change) as denominator,
        sum(observation_change) as observations,
        sum(
            case when observations > 0 then 1 else 0 end
            - case when observations_before > 0 then 1 else 0 end
        ) as clusters,
        sum(numerator * numerator - numerator_before * numerator_before)
            as numerator_squared,
        sum(numerator * denominator - numerator_before * denominator_before)
            as numerator_denominator,
        sum(denominator * denominator - denominator_before * denominator_before)
            as denominator_squared
    from before_and_after
    group by
        metric,
        segment,
        channel,
        changed_on

),

-- A metric without any data is reported as such, not left out.
series as (

    select
        metric,
        segment,
        channel
    from day_changes
    union distinct
    select
        metric,
        'all' as segment,
        'all' as channel
    from metrics

),

series_days as (

    select
        series.metric,
        series.segment,
        series.channel,
        reported_dates.reported_date,
        reported_dates.as_of,
        coalesce(day_changes.numerator, 0) as numerator,
        coalesce(day_changes.denominator, 0) as denominator,
        coalesce(day_changes.observations, 0) as observations,
        coalesce(day_changes.clusters, 0) as clusters,
        coalesce(day_changes.numerator_squared, 0) as numerator_squared,
        coalesce(day_changes.numerator_denominator, 0) as numerator_denominator,
        coalesce(day_changes.denominator_squared, 0) as denominator_squared
    from series
    cross join reported_dates
    left join day_changes
        on
            series.metric = day_changes.metric
            and series.segment = day_changes.segment
            and series.channel = day_changes.channel
            and reported_dates.reported_date = day_changes.changed_on

),

final as (

    select
        ---------- ids
        metric,
        segment,
        channel,

        ---------- dates
        reported_date,
        as_of,

        ---------- calculated
        sum(numerator) over up_to_date as numerator,
        sum(denominator) over up_to_date as denominator,
        sum(observations) over up_to_date as observations,
        sum(clusters) over up_to_date as clusters,
        sum(numerator_squared) over up_to_date as numerator_squared,
        sum(numerator_denominator) over up_to_date as numerator_denominator,
        sum(denominator_squared) over up_to_date as denominator_squared
    from series_days
    window up_to_date as (
        partition by metric, segment, channel
        order by reported_date
        rows between unbounded preceding and current row
    )

)

select * from final
