with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

segments as (

    select * from {{ ref('rfm_segments') }}

),

buyers as (

    select
        customer_id,
        net_value,
        recency_days,
        tenure_days,
        repeat_purchase_days,
        tenure_days - recency_days as days_since_last_purchase,
        cast(net_value as double) / (repeat_purchase_days + 1) as mean_day_value
    from customers
    where first_purchase_date is not null

),

-- Equal customers share the middle of their ranks, so that no quintile border falls
-- between two customers who did the same.
ranked as (

    select
        customer_id,
        count(*) over () as buyer_count,
        rank() over (order by days_since_last_purchase desc)
        + (
            count(*) over (partition by days_since_last_purchase) - 1
        ) / 2.0 as recency_rank,
        rank() over (order by repeat_purchase_days asc)
        + (
            count(*) over (partition by repeat_purchase_days) - 1
        ) / 2.0 as frequency_rank,
        rank() over (order by net_value asc)
        + (count(*) over (partition by net_value) - 1) / 2.0 as monetary_rank,
        rank() over (order by mean_day_value asc)
        + (
            count(*) over (partition by mean_day_value) - 1
        ) / 2.0 as mean_value_rank
    from buyers

),

quintiles as (

    select
        customer_id,
        cast(ceil(5 * recency_rank / buyer_count) as integer) as recency_quintile,
        cast(ceil(5 * frequency_rank / buyer_count) as integer) as frequency_quintile,
        cast(ceil(5 * monetary_rank / buyer_count) as integer) as monetary_quintile,
        cast(ceil(5 * mean_value_rank / buyer_count) as integer)
            as mean_value_quintile
    from ranked

),

final as (

    select
        ---------- ids
        quintiles.customer_id,

        ---------- strings
        segments.segment,

        ---------- numerics
        quintiles.recency_quintile,
        quintiles.frequency_quintile,
        quintiles.monetary_quintile,
        quintiles.mean_value_quintile
    from quintiles
    inner join segments
        on
            quintiles.recency_quintile = segments.recency_quintile
            and quintiles.frequency_quintile = segments.frequency_quintile

)

select * from final
