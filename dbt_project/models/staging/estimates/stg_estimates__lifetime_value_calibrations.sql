with

source as (

    select * from {{ source('estimates', 'lifetime_value_calibrations') }}

),

renamed as (

    select
        ---------- strings
        model,

        ---------- numerics
        horizon_days,
        decile,
        customer_count,
        predicted_share,
        actual_share,

        ---------- dates
        origin_date
    from source

)

select * from renamed
