with

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

generic_contacts as (

    select * from {{ ref('stg_generic__contacts') }}

),

shopify_orders as (

    select * from {{ ref('stg_shopify__orders') }}

),

generic_consents as (

    select * from {{ ref('stg_generic__consents') }}

),

email_events as (

    select * from {{ ref('int_email_events') }}

),

-- "Not unsubscribed" is no permission: only the opt-out is a decision.
hubspot_decisions as (

    select
        source,
        delivery_id,
        {{ customer_identifier('contact_id') }} as identifier,
        'email' as channel,
        'marketing' as purpose,
        'denied' as state,
        'contact opted out' as evidence,
        coalesce(updated_at, created_at) as decided_at
    from hubspot_contacts
    where is_opted_out

),

-- A contact record says what holds, not since when. A permission counts from the first
-- moment it can have been given and a refusal from the last, so that a later edit of
-- the record never undoes an unsubscription. A removed record permits nothing.
contact_decisions as (

    select
        source,
        delivery_id,
        {{ customer_identifier('contact_id') }} as identifier,
        'email' as channel,
        'marketing' as purpose,
        email_consent as state,
        'contact record' as evidence,
        case
            when email_consent = 'granted' then coalesce(created_at, updated_at)
            else coalesce(updated_at, created_at)
        end as decided_at
    from generic_contacts
    where
        email_consent = 'denied'
        or (email_consent = 'granted' and not is_deleted)

),

-- An order without an answer (a trimmed export) decides nothing.
order_decisions as (

    select
        source,
        delivery_id,
        {{ email_identifier('email_key') }} as identifier,
        'email' as channel,
        'marketing' as purpose,
        case when accepts_marketing then 'granted' else 'denied' end as state,
        'answer at checkout' as evidence,
        ordered_at as decided_at
    from shopify_orders
    where accepts_marketing is not null

),

email_decisions as (

    select
        source,
        delivery_id,
        identifier,
        'email' as channel,
        'marketing' as purpose,
        case event when 'resubscribe' then 'granted' else 'denied' end as state,
        case event
            when 'resubscribe' then 'e-mail resubscribed'
            when 'spam_report' then 'e-mail reported as spam'
            else 'e-mail unsubscribed'
        end as evidence,
        occurred_at as decided_at
    from email_events
    where event in ('unsubscribe', 'resubscribe', 'spam_report')

),

recorded_decisions as (

    select
        source,
        delivery_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier,
        channel,
        purpose,
        state,
        'consent record' as evidence,
        occurred_at as decided_at
    from generic_consents

),

decisions as (

    select * from hubspot_decisions
    union all
    select * from contact_decisions
    union all
    select * from order_decisions
    union all
    select * from email_decisions
    union all
    select * from recorded_decisions

),

-- Nobody decides the same twice in one moment: such rows are one decision. A decision
-- of nobody (a guest order without e-mail) is no permission for anyone and is left out.
final as (

    select
        ---------- ids
        {{ stable_hash([
            'source',
            'identifier',
            'channel',
            'purpose',
            'state',
            'evidence',
            'decided_at',
        ]) }} as consent_id,
        source,
        identifier,
        min(delivery_id) as delivery_id,

        ---------- strings
        channel,
        purpose,
        state,
        evidence,

        ---------- numerics
        count(*) as row_count,

        ---------- timestamps
        coalesce(decided_at, timestamp '1970-01-01 00:00:00') as decided_at
    from decisions
    where identifier is not null
    group by
        source,
        identifier,
        channel,
        purpose,
        state,
        evidence,
        decided_at

)

select * from final
