with

sendgrid_events as (

    select * from {{ ref('stg_sendgrid__events') }}

),

generic_email_events as (

    select * from {{ ref('stg_generic__email_events') }}

),

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}

),

generic_web_events as (

    select * from {{ ref('stg_generic__web_events') }}

),

parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

messages as (

    select
        message_id,
        email_key
    from sendgrid_events
    where message_id is not null and email_key is not null and not email_is_role

    union

    select
        message_id,
        email_key
    from generic_email_events
    where message_id is not null and email_key is not null and not email_is_role

),

-- A message id that stands for several recipients says nothing about who clicked.
messages_to_one_person as (

    select
        message_id,
        min(email_key) as email_key
    from messages
    group by message_id
    having count(*) = 1

),

landings as (

    select
        source,
        id_space,
        anonymous_id,
        email_click_token,
        min(occurred_at) as occurred_at
    from ga4_events
    where anonymous_id is not null and email_click_token is not null
    group by source, id_space, anonymous_id, email_click_token

    union all

    select
        source,
        id_space,
        anonymous_id,
        email_click_token,
        min(occurred_at) as occurred_at
    from generic_web_events
    where
        anonymous_id is not null
        and email_click_token is not null
        and not is_bot
    group by source, id_space, anonymous_id, email_click_token

),

-- SendGrid's message ids are known up to their first dot, other systems' ids whole.
landings_with_recipient as (

    select
        landings.source,
        landings.id_space,
        landings.anonymous_id,
        landings.occurred_at,
        coalesce(whole.email_key, shortened.email_key) as email_key
    from landings
    left join messages_to_one_person as whole
        on landings.email_click_token = whole.message_id
    left join messages_to_one_person as shortened
        on split_part(landings.email_click_token, '.', 1) = shortened.message_id

),

combined as (

    select
        source,
        id_space,
        anonymous_id,
        email_key,
        min(occurred_at) as first_followed_at
    from landings_with_recipient
    where email_key is not null
    group by source, id_space, anonymous_id, email_key

),

-- A link followed after the run's day is not known yet.
final as (

    select
        combined.source,
        combined.id_space,
        combined.anonymous_id,
        combined.email_key,
        combined.first_followed_at
    from combined
    cross join parameters
    where
        {{ local_date('combined.first_followed_at', 'parameters.time_zone') }}
        <= parameters.as_of

)

select * from final
