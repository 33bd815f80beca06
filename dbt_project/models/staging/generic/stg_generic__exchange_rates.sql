with

source as (

    select * from {{ source('generic', 'exchange_rates') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,

        ---------- strings
        source_zone,
        from_currency,
        to_currency,

        ---------- numerics
        delivery_row,
        occurrence,
        rate,

        ---------- dates
        rate_date
    from source

)

select * from renamed
