with

outcomes as (

    select * from {{ ref('int_scorer_outcomes') }}

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

counted as (

    select
        origin_date,
        scorer,
        scorer_value,
        customer_count,
        buyer_count,
        sum(customer_count) over (
            partition by origin_date, scorer
            order by scorer_value
            rows between unbounded preceding and current row
        ) - customer_count as customers_below,
        sum(buyer_count) over (
            partition by origin_date, scorer
            order by scorer_value
            rows between unbounded preceding and current row
        ) - buyer_count as buyers_below,
        sum(customer_count) over (partition by origin_date, scorer)
            as total_customers,
        sum(buyer_count) over (partition by origin_date, scorer) as total_buyers
    from value_groups

),

-- Equals stand in the tenth of their middle.
final as (

    select
        ---------- strings
        scorer,

        ---------- numerics
        scorer_value,
        customer_count,
        buyer_count,
        customers_below,
        buyers_below,
        total_customers,
        total_buyers,

        ---------- dates
        origin_date,

        ---------- calculated
        cast(
            ceil(
                cast(10 * (2 * customers_below + customer_count + 1) as double)
                / (2 * (total_customers + 1))
            ) as integer
        ) as decile
    from counted

)

select * from final
