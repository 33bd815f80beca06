with

source as (

    select * from {{ source('estimates', 'lifetime_value_parameters') }}

),

renamed as (

    select
        ---------- strings
        model,
        withheld_reason,

        ---------- numerics
        spend_p,
        spend_q,
        spend_v,
        margin
    from source

)

select * from renamed
