with

source as (

    select * from {{ source('run', 'contact_addresses') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        contact_id,
        email_key,

        ---------- booleans
        email_is_role,
        is_ended,

        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
