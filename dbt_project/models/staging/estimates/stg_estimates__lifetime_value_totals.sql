with

source as (

    select * from {{ source('estimates', 'lifetime_value_totals') }}

),

renamed as (

    select
        ---------- strings
        model,

        ---------- numerics
        horizon_days,
        expected_orders,
        expected_orders_low,
        expected_orders_high,
        origin_count
    from source

)

select * from renamed
