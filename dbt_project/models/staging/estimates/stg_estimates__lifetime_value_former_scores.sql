with

source as (

    select * from {{ source('estimates', 'lifetime_value_former_scores') }}

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
        expected_orders_30d,
        expected_orders_90d,
        spend_p,
        spend_q,
        spend_v,

        ---------- dates
        origin_date
    from source

)

select * from renamed
