with

signals as (

    select * from {{ ref('engagement_signals') }}

),

dimensions as (

    select * from {{ ref('engagement_dimensions') }}

),

reference as (

    select * from {{ ref('engagement_reference') }}

),

dimension_totals as (

    select
        dimension,
        sum(abs(weight)) as absolute_weight
    from signals
    group by dimension

),

weighted as (

    select
        signals.signal,
        signals.dimension,
        signals.curve,
        signals.half_life_days,
        signals.daily_cap,
        signals.config_version,
        reference.saturation_scale,
        reference.neutral_value,
        reference.reference_version,
        cast(
            round(
                cast(dimensions.weight as double)
                * cast(signals.weight as double)
                / cast(dimension_totals.absolute_weight as double),
                12
            ) as decimal(18, 12)
        ) as weight
    from signals
    inner join dimensions
        on signals.dimension = dimensions.dimension
    inner join dimension_totals
        on signals.dimension = dimension_totals.dimension
    inner join reference
        on signals.signal = reference.signal

),

-- An opinion can pull either way, an act only the way of its sign.
reaches as (

    select
        *,
        case
            when curve = 'opinion' then abs(weight) else greatest(weight, 0)
        end as highest_weight,
        case
            when curve = 'opinion' then -abs(weight) else least(weight, 0)
        end as lowest_weight
    from weighted

),

total_reach as (

    select sum(highest_weight) - sum(lowest_weight) as weight_range
    from reaches

),

-- Points are cut, never rounded up, so that no sum of them can pass 100 or fall below
-- 0.
pointed as (

    select
        reaches.*,
        cast(
            floor(
                100000000 * cast(abs(reaches.weight) as double)
                / cast(total_reach.weight_range as double)
            ) / 1000000 as decimal(9, 6)
        ) as absolute_points
    from reaches
    cross join total_reach

),

final as (

    select
        ---------- ids
        signal,

        ---------- strings
        dimension,
        curve,
        config_version,
        reference_version,

        ---------- numerics
        half_life_days,
        daily_cap,
        saturation_scale,
        neutral_value,
        weight,
        cast(
            case when weight < 0 then -absolute_points else absolute_points end
            as decimal(9, 6)
        ) as points,
        cast(
            case when highest_weight > 0 then absolute_points else 0 end
            as decimal(9, 6)
        ) as highest_points,
        cast(
            case when lowest_weight < 0 then -absolute_points else 0 end
            as decimal(9, 6)
        ) as lowest_points
    from pointed

)

select * from final
