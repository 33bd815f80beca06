-- A row means: a kind of record has more or fewer interactions than records, so touch
-- points were dropped or doubled on the way into int_interactions. Analytics
-- engineering acts: look at the join to touch_point_kinds or channel_names (a kind or
-- name twice in the seed doubles rows) and at the filters of int_interactions. Of what
-- is many, a night looks at the span of time in which something was rewritten.
with

delivered_records as (

    select
        'web_event' as record_type,
        occurred_at
    from {{ ref('int_web_events') }}
    union all
    select
        'email_event' as record_type,
        occurred_at
    from {{ ref('int_email_events') }}
    where event not in ('processed', 'deferred', 'dropped', 'withheld')
    union all
    select
        'order' as record_type,
        ordered_at as occurred_at
    from {{ ref('int_orders') }}
    where is_counted
    union all
    select
        'survey_response' as record_type,
        answered_at as occurred_at
    from {{ ref('int_survey_answers_judged') }}
    where
        exclusion_reason is null
        or exclusion_reason in ('no score', 'score outside the scale')
    union all
    select
        'ticket' as record_type,
        created_at as occurred_at
    from {{ ref('int_tickets') }}
    union all
    select
        'review' as record_type,
        created_at as occurred_at
    from {{ ref('int_reviews') }}
    union all
    select
        'referral' as record_type,
        created_at as occurred_at
    from {{ ref('int_referrals') }}
    union all
    select
        'loyalty_event' as record_type,
        occurred_at
    from {{ ref('int_loyalty_events') }}
    union all
    select
        'consent' as record_type,
        decided_at as occurred_at
    from {{ ref('int_consents') }}
    where evidence = 'consent record'
    union all
    select
        'interaction' as record_type,
        occurred_at
    from {{ ref('stg_generic__interactions') }}

),

interactions as (

    select
        record_type,
        occurred_at
    from {{ ref('int_interactions') }}

),

delivered as (

    select
        record_type,
        count(*) as record_count
    from delivered_records
    where {{ may_be_rewritten(ref('int_touched_interactions'), 'occurred_at') }}
    group by record_type

),

classified as (

    select
        record_type,
        count(*) as interaction_count
    from interactions
    where {{ may_be_rewritten(ref('int_touched_interactions'), 'occurred_at') }}
    group by record_type

)

select
    delivered.record_type,
    delivered.record_count,
    coalesce(classified.interaction_count, 0) as interaction_count
from delivered
left join classified
    on delivered.record_type = classified.record_type
where delivered.record_count != coalesce(classified.interaction_count, 0)
