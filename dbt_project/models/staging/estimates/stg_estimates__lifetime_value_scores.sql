with

source as (

    select * from {{ source('estimates', 'lifetime_value_scores') }}

),

renamed as (

    select
        ---------- strings
        model,
        model_version,

        ---------- numerics
        repeat_purchase_days,
        recency_days,
        tenure_days,
        p_alive,
        customers,
        p_order_30d,
        pace_30d,
        pace_90d,
        expected_orders_30d,
        expected_orders_90d,
        expected_orders_365d,
        discounted_orders,
        orders_365d_q025,
        orders_365d_q100,
        orders_365d_q250,
        orders_365d_q750,
        orders_365d_q900,
        orders_365d_q975,
        value_365d_q025,
        value_365d_q100,
        value_365d_q250,
        value_365d_q750,
        value_365d_q900,
        value_365d_q975
    from source

)

select * from renamed
