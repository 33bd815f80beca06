with

source as (

    select * from {{ source('run', 'parameters') }}

),

renamed as (

    select
        ---------- strings
        reporting_currency,
        time_zone,

        ---------- booleans
        has_commerce_source,

        ---------- dates
        as_of
    from source

)

select * from renamed
