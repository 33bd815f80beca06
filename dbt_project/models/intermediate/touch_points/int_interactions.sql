{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['interaction_id', 'occurred_at'],
    meta={'touched': 'int_touched_interactions'},
) }}

-- depends_on: {{ ref('int_touched_interactions') }}
with

web_events as (

    select * from {{ ref('int_web_events') }}

),

email_events as (

    select * from {{ ref('int_email_events') }}

),

orders as (

    select * from {{ ref('int_orders') }}

),

survey_answers as (

    select * from {{ ref('int_survey_answers_judged') }}

),

tickets as (

    select * from {{ ref('int_tickets') }}

),

reviews as (

    select * from {{ ref('int_reviews') }}

),

referrals as (

    select * from {{ ref('int_referrals') }}

),

loyalty_events as (

    select * from {{ ref('int_loyalty_events') }}

),

consents as (

    select * from {{ ref('int_consents') }}

),

generic_interactions as (

    select * from {{ ref('stg_generic__interactions') }}

),

touch_point_kinds as (

    select * from {{ ref('touch_point_kinds') }}

),

channel_names as (

    select * from {{ ref('channel_names') }}

),

web_touches as (

    select
        source,
        'web_event' as record_type,
        event_id as record_id,
        identifier,
        occurred_at,
        cast(null as string) as delivered_channel,
        event_name as kind,
        cast(null as string) as delivered_direction,
        cast(null as string) as outcome,
        machine_reason,
        cast(null as string) as campaign_id,
        product_id,
        category,
        cast(null as string) as location_id
    from web_events
    where {{ is_touched_interaction('web_event', 'event_id', 'occurred_at') }}

),

-- An e-mail that was queued, put off, dropped or withheld on purpose met nobody: these
-- four stay in int_email_events.
email_touches as (

    select
        source,
        'email_event' as record_type,
        event_id as record_id,
        identifier,
        occurred_at,
        'email' as delivered_channel,
        'email_' || event as kind,
        cast(null as string) as delivered_direction,
        cast(null as string) as outcome,
        machine_reason,
        campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from email_events
    where
        {{ is_touched_interaction('email_event', 'event_id', 'occurred_at') }}
        and event not in ('processed', 'deferred', 'dropped', 'withheld')

),

-- Cancellation documents, test orders and orders never paid are no touch points.
order_touches as (

    select
        source,
        'order' as record_type,
        order_id as record_id,
        identifier,
        ordered_at as occurred_at,
        channel as delivered_channel,
        'order' as kind,
        cast(null as string) as delivered_direction,
        case
            when refund_amount > 0 and refund_amount >= gross_amount - discount_amount
                then 'bad'
            else 'neutral'
        end as outcome,
        cast(null as string) as machine_reason,
        campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        location_id
    from orders
    where
        {{ is_touched_interaction('order', 'order_id', 'ordered_at') }}
        and is_counted

),

-- An answer without a usable score is still an answer of a customer; a preview, a
-- withdrawn answer and an employee's answer are not.
survey_touches as (

    select
        source,
        'survey_response' as record_type,
        response_id as record_id,
        identifier,
        answered_at as occurred_at,
        method as delivered_channel,
        'survey_answered' as kind,
        cast(null as string) as delivered_direction,
        case when exclusion_reason is null then outcome end as outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from survey_answers
    where
        {{ is_touched_interaction('survey_response', 'response_id', 'answered_at') }}
        and coalesce(exclusion_reason, 'none')
        in ('none', 'no score', 'score outside the scale')

),

ticket_touches as (

    select
        source,
        'ticket' as record_type,
        ticket_id as record_id,
        identifier,
        created_at as occurred_at,
        channel as delivered_channel,
        case when is_complaint then 'ticket_complaint' else 'ticket' end as kind,
        cast(null as string) as delivered_direction,
        satisfaction as outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from tickets
    where {{ is_touched_interaction('ticket', 'ticket_id', 'created_at') }}

),

review_touches as (

    select
        source,
        'review' as record_type,
        review_id as record_id,
        identifier,
        created_at as occurred_at,
        channel as delivered_channel,
        'review' as kind,
        cast(null as string) as delivered_direction,
        outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from reviews
    where {{ is_touched_interaction('review', 'review_id', 'created_at') }}

),

referral_touches as (

    select
        source,
        'referral' as record_type,
        referral_id as record_id,
        identifier,
        created_at as occurred_at,
        channel as delivered_channel,
        'referral' as kind,
        cast(null as string) as delivered_direction,
        cast(null as string) as outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from referrals
    where {{ is_touched_interaction('referral', 'referral_id', 'created_at') }}

),

loyalty_touches as (

    select
        source,
        'loyalty_event' as record_type,
        event_id as record_id,
        identifier,
        occurred_at,
        cast(null as string) as delivered_channel,
        'loyalty_' || kind as kind,
        cast(null as string) as delivered_direction,
        cast(null as string) as outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from loyalty_events
    where {{ is_touched_interaction('loyalty_event', 'event_id', 'occurred_at') }}

),

-- E-mail events speak for themselves, an answer at checkout is part of the order and a
-- contact record is no moment: only recorded decisions are touch points of their own.
consent_touches as (

    select
        source,
        'consent' as record_type,
        consent_id as record_id,
        identifier,
        decided_at as occurred_at,
        channel as delivered_channel,
        'consent_' || state as kind,
        cast(null as string) as delivered_direction,
        cast(null as string) as outcome,
        cast(null as string) as machine_reason,
        cast(null as string) as campaign_id,
        cast(null as string) as product_id,
        cast(null as string) as category,
        cast(null as string) as location_id
    from consents
    where
        {{ is_touched_interaction('consent', 'consent_id', 'decided_at') }}
        and evidence = 'consent record'

),

other_touches as (

    select
        source,
        'interaction' as record_type,
        interaction_id as record_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }},
            {{ anonymous_identifier('anonymous_id') }}
        ) as identifier,
        occurred_at,
        channel as delivered_channel,
        kind,
        direction as delivered_direction,
        outcome,
        case when is_machine then 'vendor flag' end as machine_reason,
        campaign_id,
        product_id,
        cast(null as string) as category,
        location_id
    from generic_interactions
    where {{ is_touched_interaction('interaction', 'interaction_id', 'occurred_at') }}

),

touches as (

    select * from web_touches
    union all
    select * from email_touches
    union all
    select * from order_touches
    union all
    select * from survey_touches
    union all
    select * from ticket_touches
    union all
    select * from review_touches
    union all
    select * from referral_touches
    union all
    select * from loyalty_touches
    union all
    select * from consent_touches
    union all
    select * from other_touches

),

-- A kind that nobody registered still appears, as behavioural and unowned. A channel
-- that nobody registered keeps its delivered name.
classified as (

    select
        touches.*,
        touch_point_kinds.engagement_type,
        touch_point_kinds.journey_stage,
        coalesce(
            channel_names.channel,
            touches.delivered_channel,
            touch_point_kinds.channel,
            case when touches.record_type = 'web_event' then 'web' end
        ) as channel,
        coalesce(
            channel_names.is_online,
            touch_point_kinds.is_online,
            case when touches.record_type = 'web_event' then true end
        ) as is_online,
        coalesce(
            touches.delivered_direction, touch_point_kinds.direction, 'inbound'
        ) as direction,
        coalesce(touch_point_kinds.dimension, 'behavioural') as dimension,
        coalesce(
            touches.outcome, touch_point_kinds.default_outcome
        ) as final_outcome,
        -- A web event that happens to be called "order" is no order: a signal of
        -- records with their own export counts only from that export.
        case
            when
                touches.machine_reason is null
                and touch_point_kinds.is_permitted
                and touch_point_kinds.record_type in ('any', touches.record_type)
                then touch_point_kinds.signal
        end as signal
    from touches
    left join touch_point_kinds
        on touches.kind = touch_point_kinds.kind
    left join channel_names
        on touches.delivered_channel = channel_names.channel_name

),

final as (

    select
        ---------- ids
        source,
        record_id,
        identifier,
        campaign_id,
        product_id,
        location_id,

        ---------- strings
        record_type,
        channel,
        kind,
        direction,
        dimension,
        engagement_type,
        journey_stage,
        final_outcome as outcome,
        category,
        signal,
        machine_reason,

        ---------- booleans
        is_online,

        ---------- timestamps
        occurred_at,

        ---------- calculated
        source || '|' || record_type || '|' || record_id as interaction_id,
        machine_reason is null as is_human
    from classified

)

select * from final
