-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('int_touched_web_events') }}
-- depends_on: {{ ref('int_touched_email_events') }}
-- depends_on: {{ ref('int_touched_orders') }}
-- depends_on: {{ ref('int_touched_order_months') }}
-- depends_on: {{ ref('int_orders') }}
-- depends_on: {{ ref('int_consents') }}
with

{% if rewrites_all('int_interactions') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as record_type,
        cast(null as string) as record_id,
        cast(null as string) as interaction_id,
        cast(null as timestamp) as occurred_at
    where false

)

{% else %}

changed_rows as (

    select * from {{ ref('stg_run__changed_rows') }}

),

-- A decision has no id of its own: all decisions of its moment are rewritten.
consents_changed as (

    select
        source,
        occurred_at,
        occurred_at as decided_at
    from changed_rows
    where object = 'generic_consents'

),

records as (

    select
        source,
        case object
            when 'delighted_survey_responses' then 'survey_response'
            when 'generic_survey_responses' then 'survey_response'
            when 'generic_tickets' then 'ticket'
            when 'generic_reviews' then 'review'
            when 'generic_referrals' then 'referral'
            when 'generic_loyalty_events' then 'loyalty_event'
            when 'generic_interactions' then 'interaction'
        end as record_type,
        record_id,
        occurred_at
    from changed_rows
    union all
    select
        source,
        'web_event' as record_type,
        event_id as record_id,
        occurred_at
    from {{ ref('int_touched_web_events') }}
    union all
    select
        source,
        'email_event' as record_type,
        event_id as record_id,
        occurred_at
    from {{ ref('int_touched_email_events') }}
    where is_rewritten
    union all
    select
        source,
        'order' as record_type,
        order_id as record_id,
        ordered_at as occurred_at
    from {{ ref('int_touched_orders') }}
    where ordered_at is not null
    union all
    select
        source,
        'order' as record_type,
        order_id as record_id,
        ordered_at as occurred_at
    from {{ ref('int_orders') }}
    where
        {{ is_among(ref('int_touched_orders'), ['source', 'order_id']) }}
        and {{ lies_in_touched_months('ordered_at') }}
    union all
    select
        source,
        'consent' as record_type,
        consent_id as record_id,
        decided_at as occurred_at
    from {{ ref('int_consents') }}
    where {{ is_among('consents_changed', ['source', 'decided_at']) }}
    union all
    select
        source,
        record_type,
        record_id,
        occurred_at
    from {{ as_it_was('int_interactions') }}
    where
        {{ is_among('consents_changed', ['source', 'occurred_at']) }}
        and record_type = 'consent'

),

final as (

    select distinct
        source,
        record_type,
        record_id,
        occurred_at,
        source || '|' || record_type || '|' || record_id as interaction_id
    from records
    where record_type is not null

)

{% endif %}

select * from final
