with

points as (

    select * from {{ ref('int_engagement_points') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

baseline as (

    select cast(-sum(lowest_points) as decimal(9, 6)) as baseline_points
    from weights

),

dimension_reaches as (

    select
        dimension,
        sum(lowest_points) as lowest_points,
        sum(highest_points) as highest_points
    from weights
    group by dimension

),

dimension_points as (

    select
        customer_id,
        days_ago,
        dimension,
        sum(contribution) as contribution
    from points
    group by
        customer_id,
        days_ago,
        dimension

),

dimension_scores as (

    select
        dimension_points.customer_id,
        dimension_points.days_ago,
        dimension_points.dimension,
        dimension_points.contribution,
        cast(
            round(
                100 * cast(
                    dimension_points.contribution - dimension_reaches.lowest_points
                    as double
                )
                / cast(
                    dimension_reaches.highest_points - dimension_reaches.lowest_points
                    as double
                ),
                6
            ) as decimal(9, 6)
        ) as dimension_score
    from dimension_points
    inner join dimension_reaches
        on dimension_points.dimension = dimension_reaches.dimension

),

scored as (

    select
        customer_id,
        days_ago,
        sum(contribution) as contribution,
        max(
            case when dimension = 'behavioural' then dimension_score end
        ) as behavioural_score,
        max(
            case when dimension = 'cognitive' then dimension_score end
        ) as cognitive_score,
        max(
            case when dimension = 'emotional' then dimension_score end
        ) as emotional_score,
        max(
            case when dimension = 'social' then dimension_score end
        ) as social_score
    from dimension_scores
    group by
        customer_id,
        days_ago

),

final as (

    select
        ---------- ids
        scored.customer_id,

        ---------- numerics
        scored.days_ago,
        cast(
            baseline.baseline_points + scored.contribution as decimal(9, 6)
        ) as score,
        scored.behavioural_score,
        scored.cognitive_score,
        scored.emotional_score,
        scored.social_score
    from scored
    cross join baseline

)

select * from final
