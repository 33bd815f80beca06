with

source as (

    select * from {{ source('generic', 'interactions') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        interaction_id,
        customer_id,
        email_key,
        anonymous_id,
        campaign_id,
        product_id,
        location_id,

        ---------- strings
        source_zone,
        direction,
        outcome,

        ---------- numerics
        delivery_row,
        occurrence,
        duration_seconds,
        note_length,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        lower(channel) as channel,
        lower(kind) as kind,
        coalesce(is_machine, false) as is_machine
    from source

)

select * from renamed
