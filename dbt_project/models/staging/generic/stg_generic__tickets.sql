with

source as (

    select * from {{ source('generic', 'tickets') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        ticket_id,
        customer_id,
        email_key,

        ---------- strings
        source_zone,
        satisfaction,
        owner_team,

        ---------- numerics
        delivery_row,
        occurrence,
        subject_length,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        created_at,
        first_response_at,
        resolved_at,
        updated_at,

        ---------- categorised
        lower(kind) as kind,
        lower(channel) as channel,
        lower(status) as status
    from source

)

select * from renamed
