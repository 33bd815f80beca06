{{ config(materialized='view') }}

with

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}

),

generic_events as (

    select * from {{ ref('stg_generic__web_events') }}

),

final as (

    select
        source,
        event_id,
        delivery_id,
        {{ customer_identifier('user_id') }} as login_identifier,
        {{ anonymous_identifier('anonymous_id') }} as anonymous_identifier,
        coalesce(anonymous_id, user_id) as tracker_user,
        session_id as tracker_session,
        order_id,
        product_id,
        email_click_token,
        event_name,
        page_url,
        referrer_url,
        traffic_source,
        traffic_medium,
        campaign,
        currency,
        category,
        device,
        country,
        browser as user_agent,
        amount,
        engagement_seconds,
        cast(null as string) as vendor_reason,
        occurred_at
    from ga4_events
    union all
    select
        source,
        event_id,
        delivery_id,
        coalesce(
            {{ customer_identifier('user_id') }},
            {{ email_identifier('email_key') }}
        ) as login_identifier,
        {{ anonymous_identifier('anonymous_id') }} as anonymous_identifier,
        coalesce(anonymous_id, user_id, email_key) as tracker_user,
        session_id as tracker_session,
        order_id,
        product_id,
        email_click_token,
        event_name,
        page_url,
        referrer_url,
        traffic_source,
        traffic_medium,
        campaign,
        currency,
        category,
        device,
        country,
        user_agent,
        amount,
        engagement_seconds,
        case when is_bot then 'bot' end as vendor_reason,
        occurred_at
    from generic_events

)

select * from final
