with

moments as (

    select * from {{ ref('int_kpi_moments') }}

),

ticket_medians as (

    select * from {{ ref('int_kpi_ticket_medians') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}

),

-- Decimals end here: a ratio and its interval are estimates, their sums were not.
sums as (

    select
        moments.metric,
        moments.segment,
        moments.channel,
        moments.reported_date,
        moments.as_of,
        metrics.kind,
        metrics.interval_method,
        metrics.unit,
        metrics.minimum_n,
        cast(metrics.scale as double) as scale,
        cast(metrics.lower_bound as double) as lower_bound,
        cast(metrics.upper_bound as double) as upper_bound,
        cast(moments.observations as bigint) as n,
        cast(moments.clusters as bigint) as clusters,
        cast(moments.numerator as double) as numerator,
        cast(moments.denominator as double) as denominator,
        cast(moments.numerator_squared as double) as numerator_squared,
        cast(moments.numerator_denominator as double) as numerator_denominator,
        cast(moments.denominator_squared as double) as denominator_squared
    from moments
    inner join metrics
        on moments.metric = metrics.metric

),

valued as (

    select
        *,
        case
            when kind = 'total' then numerator
            when n >= minimum_n and denominator > 0 then numerator / denominator
        end as ratio
    from sums

),

-- Where nobody or everybody did it, customers show no variance and the interval would
-- be a point: there a share is judged by Wilson, each customer as one observation.
methods as (

    select
        *,
        case
            when
                interval_method = 'clustered'
                and ((ratio = 0 and lower_bound = 0) or (ratio = 1 and upper_bound = 1))
                and upper_bound = 1
                then 'wilson'
            else interval_method
        end as applied_method,
        case
            when interval_method = 'clustered' then cast(clusters as double)
            else denominator
        end as independent_n
    from valued

),

-- Clustered: the linearised variance of a ratio of sums over customers. Wilson: the
-- score interval of a share. NPS: three quarters of an answer are added to promoters
-- and detractors and one and a half to the passives before the normal interval.
centred as (

    select
        *,
        case
            when applied_method = 'clustered' and clusters > 1
                then
                    sqrt(
                        greatest(
                            numerator_squared
                            - 2 * ratio * numerator_denominator
                            + ratio * ratio * denominator_squared,
                            0
                        )
                        * clusters / (clusters - 1)
                    ) / denominator
            when applied_method = 'wilson'
                then
                    sqrt(
                        ratio * (1 - ratio) / independent_n
                        + 3.8414588 / (4 * independent_n * independent_n)
                    ) / (1 + 3.8414588 / independent_n)
            when applied_method = 'nps'
                then
                    sqrt(
                        greatest(
                            (numerator_squared + 1.5) / (denominator + 3)
                            - (numerator / (denominator + 3))
                            * (numerator / (denominator + 3)),
                            0
                        ) / (denominator + 3)
                    )
        end as standard_error,
        case
            when applied_method = 'clustered' then ratio
            when applied_method = 'wilson'
                then
                    (ratio + 3.8414588 / (2 * independent_n))
                    / (1 + 3.8414588 / independent_n)
            when applied_method = 'nps' then numerator / (denominator + 3)
        end as centre
    from methods

),

bounded as (

    select
        *,
        scale * ratio as value,
        scale * (centre - 1.959964 * standard_error) as raw_low,
        scale * (centre + 1.959964 * standard_error) as raw_high
    from centred

),

clipped as (

    select
        metric,
        segment,
        channel,
        unit,
        value,
        n,
        reported_date,
        as_of,
        case
            when value is not null and raw_low is not null
                then
                    least(
                        value, greatest(raw_low, coalesce(lower_bound, raw_low))
                    )
        end as interval_low,
        case
            when value is not null and raw_high is not null
                then
                    greatest(
                        value, least(raw_high, coalesce(upper_bound, raw_high))
                    )
        end as interval_high
    from bounded

),

medians as (

    select
        ticket_medians.metric,
        'all' as segment,
        'all' as channel,
        metrics.unit,
        ticket_medians.value,
        ticket_medians.n,
        ticket_medians.reported_date,
        ticket_medians.as_of,
        ticket_medians.interval_low,
        ticket_medians.interval_high
    from ticket_medians
    inner join metrics
        on ticket_medians.metric = metrics.metric

),

measured as (

    select * from clipped
    union all
    select * from medians

),

final as (

    select
        ---------- ids
        metric,
        segment,
        channel,

        ---------- strings
        unit,

        ---------- numerics
        value,
        n,
        interval_low,
        interval_high,

        ---------- dates
        reported_date as date,
        as_of
    from measured

)

select * from final
