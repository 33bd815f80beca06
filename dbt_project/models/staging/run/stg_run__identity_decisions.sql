with

source as (

    select * from {{ source('run', 'identity_decisions') }}

),

renamed as (

    select
        ---------- ids
        left_identifier,
        right_identifier,

        ---------- strings
        decision,

        ---------- numerics
        line
    from source

)

select * from renamed
