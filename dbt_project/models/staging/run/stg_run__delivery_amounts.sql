with

source as (

    select * from {{ source('run', 'delivery_amounts') }}

),

renamed as (

    select
        ---------- ids
        delivery_id,

        ---------- strings
        currency,
        outcome,
        reason,

        ---------- numerics
        amount
    from source

)

select * from renamed
