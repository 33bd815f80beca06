with

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

contact_addresses as (

    select * from {{ ref('stg_run__contact_addresses') }}

),

hubspot_merged_contacts as (

    select * from {{ ref('stg_hubspot__merged_contacts') }}

),

hubspot_deals as (

    select * from {{ ref('stg_hubspot__deals') }}

),

shopify_orders as (

    select * from {{ ref('stg_shopify__orders') }}

),

sendgrid_events as (

    select * from {{ ref('stg_sendgrid__events') }}

),

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}

),

delighted_survey_responses as (

    select * from {{ ref('stg_delighted__survey_responses') }}

),

generic_contacts as (

    select * from {{ ref('stg_generic__contacts') }}

),

generic_deals as (

    select * from {{ ref('stg_generic__deals') }}

),

generic_orders as (

    select * from {{ ref('stg_generic__orders') }}

),

generic_order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}

),

generic_payments as (

    select * from {{ ref('stg_generic__payments') }}

),

generic_carts as (

    select * from {{ ref('stg_generic__carts') }}

),

generic_email_events as (

    select * from {{ ref('stg_generic__email_events') }}

),

generic_web_events as (

    select * from {{ ref('stg_generic__web_events') }}

),

generic_survey_responses as (

    select * from {{ ref('stg_generic__survey_responses') }}

),

generic_tickets as (

    select * from {{ ref('stg_generic__tickets') }}

),

generic_loyalty_events as (

    select * from {{ ref('stg_generic__loyalty_events') }}

),

generic_referrals as (

    select * from {{ ref('stg_generic__referrals') }}

),

generic_reviews as (

    select * from {{ ref('stg_generic__reviews') }}

),

generic_interactions as (

    select * from {{ ref('stg_generic__interactions') }}

),

generic_consents as (

    select * from {{ ref('stg_generic__consents') }}

),

parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- HubSpot keeps further addresses of a contact in one list.
hubspot_additional_emails as (

    select
        source,
        id_space,
        contact_id,
        created_at,
        updated_at,
        additional_emails_role_keys,
        {{ split_to_rows('additional_emails_keys', ';') }} as email_key
    from hubspot_contacts
    where additional_emails_keys is not null

),

-- A purchase that web analytics saw is an order only where no shop reports orders.
ga4_events_by_kind as (

    select
        ga4_events.source,
        ga4_events.id_space,
        ga4_events.user_id,
        ga4_events.anonymous_id,
        ga4_events.occurred_at,
        coalesce(
            ga4_events.event_name = 'purchase'
            and ga4_events.order_id is not null
            and not parameters.has_commerce_source,
            false
        ) as is_order
    from ga4_events
    cross join parameters

),

mentions as (

    select
        source,
        id_space,
        'contact' as mention,
        contact_id as customer_id,
        cast(null as string) as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from hubspot_contacts

    union all

    -- all addresses that a contact ever had, whichever version of the record named it
    select
        source,
        id_space,
        'contact' as mention,
        contact_id as customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        valid_from as first_seen_at,
        coalesce(valid_to, valid_from) as last_seen_at
    from contact_addresses

    union all

    select
        source,
        id_space,
        'contact_additional' as mention,
        contact_id as customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        coalesce(instr(additional_emails_role_keys, email_key) > 0, false)
            as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from hubspot_additional_emails

    union all

    select
        source,
        id_space,
        'merge' as mention,
        contact_id as customer_id,
        merged_contact_id as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        updated_at as first_seen_at,
        updated_at as last_seen_at
    from hubspot_merged_contacts

    union all

    select
        source,
        id_space,
        'deal' as mention,
        contact_id as customer_id,
        cast(null as string) as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        created_at as last_seen_at
    from hubspot_deals

    union all

    select
        source,
        id_space,
        'order' as mention,
        cast(null as string) as customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        true as is_order,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at
    from shopify_orders

    union all

    select
        source,
        id_space,
        'message' as mention,
        cast(null as string) as customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from sendgrid_events

    union all

    select
        source,
        id_space,
        'web' as mention,
        user_id as customer_id,
        cast(null as string) as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        anonymous_id,
        is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from ga4_events_by_kind

    union all

    select
        source,
        id_space,
        'survey' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        person_id as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        answered_at as first_seen_at,
        answered_at as last_seen_at
    from delighted_survey_responses

    union all

    select
        source,
        id_space,
        'contact' as mention,
        contact_id as customer_id,
        merged_into_contact_id as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from generic_contacts

    union all

    select
        source,
        id_space,
        'deal' as mention,
        contact_id as customer_id,
        cast(null as string) as other_customer_id,
        cast(null as string) as email_key,
        false as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        created_at as last_seen_at
    from generic_deals

    union all

    -- a card is often lent at the till: it names the buyer only where nothing else does
    select
        source,
        id_space,
        'order' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        case
            when customer_id is null and email_key is null then loyalty_id
        end as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        true as is_order,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at
    from generic_orders

    union all

    select
        source,
        id_space,
        'order' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        true as is_order,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at
    from generic_order_lines

    union all

    select
        source,
        id_space,
        'payment' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        processed_at as first_seen_at,
        processed_at as last_seen_at
    from generic_payments

    union all

    select
        source,
        id_space,
        'cart' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from generic_carts

    union all

    select
        source,
        id_space,
        'message' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from generic_email_events

    union all

    select
        source,
        id_space,
        'web' as mention,
        user_id as customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from generic_web_events
    where not is_bot

    union all

    select
        source,
        id_space,
        'survey' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        person_id as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        answered_at as first_seen_at,
        answered_at as last_seen_at
    from generic_survey_responses

    union all

    select
        source,
        id_space,
        'ticket' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        coalesce(updated_at, created_at) as last_seen_at
    from generic_tickets

    union all

    select
        source,
        id_space,
        'loyalty' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from generic_loyalty_events

    union all

    select
        source,
        id_space,
        'referral' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        created_at as last_seen_at
    from generic_referrals

    union all

    select
        source,
        id_space,
        'referred' as mention,
        referred_customer_id as customer_id,
        cast(null as string) as other_customer_id,
        referred_email_key as email_key,
        referred_email_is_role as email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        created_at as last_seen_at
    from generic_referrals

    union all

    select
        source,
        id_space,
        'review' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        created_at as first_seen_at,
        created_at as last_seen_at
    from generic_reviews

    union all

    select
        source,
        id_space,
        'interaction' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from generic_interactions
    where not is_machine

    union all

    select
        source,
        id_space,
        'consent' as mention,
        customer_id,
        cast(null as string) as other_customer_id,
        email_key,
        email_is_role,
        cast(null as string) as loyalty_id,
        cast(null as string) as survey_person_id,
        cast(null as string) as anonymous_id,
        false as is_order,
        occurred_at as first_seen_at,
        occurred_at as last_seen_at
    from generic_consents

),

-- The same identifiers in the same kind of record are one row, however often they met.
combined as (

    select
        source,
        id_space,
        mention,
        customer_id,
        other_customer_id,
        email_key,
        loyalty_id,
        survey_person_id,
        anonymous_id,
        is_order,
        bool_or(coalesce(email_is_role, false)) as email_is_role,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from mentions
    where
        coalesce(
            customer_id, email_key, loyalty_id, survey_person_id, anonymous_id
        ) is not null
    group by
        source,
        id_space,
        mention,
        customer_id,
        other_customer_id,
        email_key,
        loyalty_id,
        survey_person_id,
        anonymous_id,
        is_order

),

-- What was first recorded after the run's day is not known yet; a record without a time
-- (a CRM that keeps none) is known from the start.
final as (

    select
        combined.source,
        combined.id_space,
        combined.mention,
        combined.customer_id,
        combined.other_customer_id,
        combined.email_key,
        combined.loyalty_id,
        combined.survey_person_id,
        combined.anonymous_id,
        combined.is_order,
        combined.email_is_role,
        combined.first_seen_at,
        combined.last_seen_at
    from combined
    cross join parameters
    where
        combined.first_seen_at is null
        or {{ local_date('combined.first_seen_at', 'parameters.time_zone') }}
        <= parameters.as_of

)

select * from final
