with

outcomes as (

    select * from {{ ref('int_scorer_outcomes') }}

),

evaluations as (

    select * from {{ ref('int_engagement_evaluations') }}

),

run_date as (

    select max(as_of) as as_of
    from evaluations

),

-- Customers with the same value cannot be told apart by the scorer: they are judged as
-- one.
value_groups as (

    select
        origin_date,
        scorer,
        scorer_value,
        count(*) as customer_count,
        sum(case when has_ordered then 1 else 0 end) as buyer_count
    from outcomes
    group by
        origin_date,
        scorer,
        scorer_value

),

placed as (

    select
        origin_date,
        scorer,
        customer_count,
        buyer_count,
        customer_count - buyer_count as other_count,
        sum(customer_count - buyer_count) over (
            partition by origin_date, scorer
            order by scorer_value
            rows between unbounded preceding and current row
        ) - (customer_count - buyer_count) as others_below,
        sum(customer_count) over (
            partition by origin_date, scorer
            order by scorer_value desc
            rows between unbounded preceding and current row
        ) - customer_count as customers_above,
        sum(customer_count) over (partition by origin_date, scorer)
            as total_customers
    from value_groups

),

-- A group that straddles the border of the top tenth is in it with the share that fits.
shared as (

    select
        *,
        least(
            greatest(
                cast(total_customers as double) / 10 - customers_above,
                0
            ),
            customer_count
        ) / customer_count as share_in_top
    from placed

),

sums as (

    select
        origin_date,
        scorer,
        sum(customer_count) as customer_count,
        sum(buyer_count) as buyer_count,
        sum(other_count) as other_count,
        sum(buyer_count * (2 * others_below + other_count)) as doubled_wins,
        sum(buyer_count * share_in_top) as buyers_in_top
    from shared
    group by
        origin_date,
        scorer

),

final as (

    select
        ---------- strings
        sums.scorer,

        ---------- numerics
        cast(30 as integer) as horizon_days,
        cast(sums.customer_count as bigint) as n,

        ---------- dates
        sums.origin_date,
        run_date.as_of,

        ---------- calculated
        cast(sums.doubled_wins as double)
        / nullif(
            2 * cast(sums.buyer_count as double) * cast(sums.other_count as double), 0
        ) as auc,
        cast(sums.buyers_in_top as double)
        / nullif(cast(sums.buyer_count as double) / 10, 0) as top_decile_lift,
        cast(sums.buyer_count as double) / sums.customer_count as base_rate
    from sums
    cross join run_date

)

select * from final
