with

source as (

    select * from {{ source('run', 'order_months') }}

),

renamed as (

    select
        order_number,
        event_month
    from source

)

select * from renamed
