with

evaluations as (

    select * from {{ ref('int_engagement_evaluations') }}

),

purchase_days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

engagement_scores as (

    select * from {{ ref('int_engagement_scores') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

baseline as (

    select cast(-sum(lowest_points) as decimal(18, 10)) as baseline_points
    from weights

),

origins as (

    select
        days_ago,
        evaluated_on
    from evaluations
    where is_origin

),

-- Scorers can only be compared on customers that all of them know: those who had bought
-- by then. Nothing dated after the origin enters a scorer.
known_days as (

    select
        origins.days_ago,
        origins.evaluated_on,
        purchase_days.customer_id,
        purchase_days.ordered_date,
        purchase_days.net_value,
        cast(
            round(
                power(
                    cast(2 as double),
                    -cast(
                        {{ days_between(
                            'purchase_days.ordered_date', 'origins.evaluated_on'
                        ) }} as double
                    ) / 90
                ),
                10
            ) as decimal(18, 10)
        ) as decayed_day
    from purchase_days
    inner join origins
        on purchase_days.ordered_date <= origins.evaluated_on
    where purchase_days.is_purchase_day

),

summaries as (

    select
        days_ago,
        evaluated_on,
        customer_id,
        {{ days_between('max(ordered_date)', 'evaluated_on') }} as days_since,
        count(*) as day_count,
        sum(net_value) as total_value,
        sum(decayed_day) as decayed_days
    from known_days
    group by
        days_ago,
        evaluated_on,
        customer_id

),

measured as (

    select
        *,
        round(cast(total_value as double) / day_count, 4) as mean_value
    from summaries

),

ranked as (

    select
        days_ago,
        evaluated_on,
        customer_id,
        days_since,
        decayed_days,
        count(*) over (partition by days_ago) as buyer_count,
        rank() over (partition by days_ago order by days_since desc)
        + (count(*) over (partition by days_ago, days_since) - 1) / 2.0
            as recency_rank,
        rank() over (partition by days_ago order by day_count asc)
        + (count(*) over (partition by days_ago, day_count) - 1) / 2.0
            as frequency_rank,
        rank() over (partition by days_ago order by total_value asc)
        + (count(*) over (partition by days_ago, total_value) - 1) / 2.0
            as total_rank,
        rank() over (partition by days_ago order by mean_value asc)
        + (count(*) over (partition by days_ago, mean_value) - 1) / 2.0
            as mean_rank
    from measured

),

quintiles as (

    select
        days_ago,
        evaluated_on,
        customer_id,
        days_since,
        decayed_days,
        ceil(5 * recency_rank / buyer_count)
        + ceil(5 * frequency_rank / buyer_count) as recency_frequency,
        ceil(5 * total_rank / buyer_count) as total_quintile,
        ceil(5 * mean_rank / buyer_count) as mean_quintile
    from ranked

),

scorers as (

    select 'engagement' as scorer
    union all
    select 'rfm_total_value' as scorer
    union all
    select 'rfm_mean_value' as scorer
    union all
    select 'recency' as scorer
    union all
    select 'decayed_orders_90d' as scorer

),

-- A customer without evidence stands where nothing speaks for or against: the baseline.
scored as (

    select
        quintiles.days_ago,
        quintiles.evaluated_on,
        quintiles.customer_id,
        scorers.scorer,
        cast(
            case scorers.scorer
                when 'engagement'
                    then coalesce(engagement_scores.score, baseline.baseline_points)
                when 'rfm_total_value'
                    then quintiles.recency_frequency + quintiles.total_quintile
                when 'rfm_mean_value'
                    then quintiles.recency_frequency + quintiles.mean_quintile
                when 'recency' then -quintiles.days_since
                when 'decayed_orders_90d' then quintiles.decayed_days
            end as decimal(18, 10)
        ) as scorer_value
    from quintiles
    cross join scorers
    cross join baseline
    left join engagement_scores
        on
            quintiles.customer_id = engagement_scores.customer_id
            and quintiles.days_ago = engagement_scores.days_ago

),

buyers_after as (

    select distinct
        origins.days_ago,
        purchase_days.customer_id
    from purchase_days
    inner join origins
        on
            purchase_days.ordered_date > origins.evaluated_on
            and purchase_days.ordered_date
            <= {{ add_days('origins.evaluated_on', '30') }}
    where purchase_days.order_count > 0

),

final as (

    select
        ---------- ids
        scored.customer_id,

        ---------- strings
        scored.scorer,

        ---------- numerics
        scored.scorer_value,

        ---------- dates
        scored.evaluated_on as origin_date,

        ---------- calculated
        buyers_after.customer_id is not null as has_ordered
    from scored
    left join buyers_after
        on
            scored.customer_id = buyers_after.customer_id
            and scored.days_ago = buyers_after.days_ago

)

select * from final
