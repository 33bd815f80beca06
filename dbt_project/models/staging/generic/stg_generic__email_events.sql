with

source as (

    select * from {{ source('generic', 'email_events') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        event_id,
        email_key,
        customer_id,
        campaign_id,
        message_id,
        ip_key,

        ---------- strings
        source_zone,
        event,
        campaign_name,
        url,
        user_agent,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        coalesce(is_machine, false) as is_machine
    from source

)

select * from renamed
