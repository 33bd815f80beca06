with

source as (

    select * from {{ source('generic', 'web_events') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        event_id,
        anonymous_id,
        user_id,
        email_key,
        session_id,
        order_id,
        product_id,

        ---------- strings
        source_zone,
        page_url,
        referrer_url,
        traffic_source,
        traffic_medium,
        campaign,
        email_click_token,
        currency,
        category,
        device,
        country,
        user_agent,

        ---------- numerics
        delivery_row,
        occurrence,
        amount,
        engagement_seconds,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        lower(event_name) as event_name,
        coalesce(is_bot, false) as is_bot
    from source

)

select * from renamed
