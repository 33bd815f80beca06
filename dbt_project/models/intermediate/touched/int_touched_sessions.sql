{%- set anew = rewrites_all('int_web_events') or rewrites_all('int_web_sessions') -%}

-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('int_tracked_events') }}
with

{% if anew %}

final as (

    select
        cast(null as string) as session_id,
        cast(null as timestamp) as started_at,
        cast(null as timestamp) as ended_at
    where false

)

{% else %}

changed_rows as (

    select
        source,
        record_id as event_id,
        occurred_at
    from {{ ref('stg_run__changed_rows') }}
    where object in ('ga4_events', 'generic_web_events')

),

arriving as (

    select
        source,
        tracker_user,
        tracker_session,
        occurred_at
    from {{ ref('int_tracked_events') }}
    where
        {{ is_among('changed_rows', ['source', 'event_id', 'occurred_at']) }}

),

leaving as (

    select
        source,
        tracker_user,
        tracker_session,
        session_id,
        occurred_at
    from {{ as_it_was('int_web_events') }}
    where
        {{ is_among('changed_rows', ['source', 'event_id', 'occurred_at']) }}

),

-- The days on which a user without session ids came, or may have come just before or
-- after: any visit of these days may grow together with another or fall apart.
days_of_silent_users as (

    select
        source,
        tracker_user,
        cast(occurred_at - interval 30 minutes as date) as visited_date
    from arriving
    where tracker_session is null
    union distinct
    select
        source,
        tracker_user,
        cast(occurred_at + interval 30 minutes as date) as visited_date
    from arriving
    where tracker_session is null
    union distinct
    select
        source,
        tracker_user,
        cast(occurred_at as date) as visited_date
    from leaving
    where tracker_session is null

),

visits_nearby as (

    select distinct web_events.session_id
    from {{ as_it_was('int_web_events') }} as web_events
    inner join days_of_silent_users
        on
            web_events.source = days_of_silent_users.source
            and web_events.tracker_user = days_of_silent_users.tracker_user
            and cast(web_events.occurred_at as date)
            = days_of_silent_users.visited_date
    where
        web_events.tracker_session is null
        and {{ lies_within(
            'web_events.occurred_at',
            "select min(occurred_at) - interval 2 days, max(occurred_at) + interval 2 days"
            ~ " from " ~ ref('stg_run__changed_rows')
            ~ " where object in ('ga4_events', 'generic_web_events')",
        ) }}

),

session_names as (

    select source || '|' || tracker_user || '|' || tracker_session as session_name
    from arriving
    union distinct
    select session_id as session_name
    from leaving
    union distinct
    select session_id as session_name
    from visits_nearby

),

session_numbers as (

    select {{ session_number('session_name') }} as session_number
    from session_names
    where session_name is not null

),

-- A row may begin, lengthen or end a session no further away than the silence between
-- two sessions. One that is found without need is made anew as it was.
final as (

    select
        session_id,
        started_at,
        ended_at
    from {{ as_it_was('int_web_sessions') }}
    where
        {{ is_among('session_numbers', ['session_number']) }}
        and {{ reaches_into(
            'started_at',
            'ended_at',
            "select"
            ~ " min(occurred_at) - interval " ~ (session_silence_days() | int + 1) ~ " days,"
            ~ " max(occurred_at) + interval " ~ (session_silence_days() | int + 1) ~ " days"
            ~ " from " ~ ref('stg_run__changed_rows')
            ~ " where object in ('ga4_events', 'generic_web_events')",
        ) }}

)

{% endif %}

select * from final
