with

points as (

    select * from {{ ref('int_engagement_points') }}

),

scores as (

    select * from {{ ref('int_engagement_scores') }}

),

-- A customer without evidence today has no score, so no receipt and no change.
scored_customers as (

    select
        customer_id,
        max(case when days_ago = 1 then 1 else 0 end) = 1 as had_score_1d_ago,
        max(case when days_ago = 7 then 1 else 0 end) = 1 as had_score_7d_ago,
        max(case when days_ago = 30 then 1 else 0 end) = 1 as had_score_30d_ago
    from scores
    group by customer_id
    having max(case when days_ago = 0 then 1 else 0 end) = 1

),

-- A signal that fell out of the evidence window meanwhile still explains a change.
signal_points as (

    select
        customer_id,
        signal,
        dimension,
        sum(case when days_ago = 0 then contribution else 0 end) as contribution,
        sum(case when days_ago = 1 then contribution else 0 end)
            as contribution_1d_ago,
        sum(case when days_ago = 7 then contribution else 0 end)
            as contribution_7d_ago,
        sum(case when days_ago = 30 then contribution else 0 end)
            as contribution_30d_ago
    from points
    where days_ago in (0, 1, 7, 30)
    group by
        customer_id,
        signal,
        dimension

),

final as (

    select
        ---------- ids
        signal_points.customer_id,
        signal_points.signal,

        ---------- strings
        signal_points.dimension,

        ---------- numerics
        cast(signal_points.contribution as decimal(9, 6)) as contribution,

        ---------- calculated
        cast(
            case
                when scored_customers.had_score_1d_ago
                    then signal_points.contribution - signal_points.contribution_1d_ago
            end as decimal(9, 6)
        ) as change_1d,
        cast(
            case
                when scored_customers.had_score_7d_ago
                    then signal_points.contribution - signal_points.contribution_7d_ago
            end as decimal(9, 6)
        ) as change_7d,
        cast(
            case
                when scored_customers.had_score_30d_ago
                    then signal_points.contribution - signal_points.contribution_30d_ago
            end as decimal(9, 6)
        ) as change_30d
    from signal_points
    inner join scored_customers
        on signal_points.customer_id = scored_customers.customer_id

)

select * from final
