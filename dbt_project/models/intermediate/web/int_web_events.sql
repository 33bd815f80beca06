{%- set touched_by = ['source', 'event_id', 'occurred_at'] -%}

{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=touched_by,
    meta={'touched': 'int_touched_web_events'},
) }}

-- depends_on: {{ ref('int_touched_web_events') }}
with

-- Read once for each purpose, with the columns it needs: an import that several read is
-- kept whole, and a year of events is wider than a small machine's memory.
events as (

    select * from {{ ref('int_tracked_events') }}
    where {{ is_touched(ref('int_touched_web_events'), touched_by) }}

),

numbered_events as (

    select
        source,
        tracker_user,
        tracker_session,
        event_name,
        occurred_at
    from {{ ref('int_tracked_events') }}
    where
        tracker_user is not null
        and tracker_session is not null
        and {{ is_touched(ref('int_touched_web_events'), touched_by) }}

),

numberless_events as (

    select
        source,
        event_id,
        tracker_user,
        event_name,
        occurred_at
    from {{ ref('int_tracked_events') }}
    where
        tracker_user is not null
        and tracker_session is null
        and {{ is_touched(ref('int_touched_web_events'), touched_by) }}

),

agents as (

    select distinct user_agent from {{ ref('int_tracked_events') }}
    where
        user_agent is not null
        and {{ is_touched(ref('int_touched_web_events'), touched_by) }}

),

machine_agent_words as (

    select * from {{ ref('machine_agent_words') }}

),

{{ machine_agents('machine_agents') }},

-- The tracker's session id is unique only within its user.
session_days as (

    select
        source,
        tracker_user,
        tracker_session,
        cast(occurred_at as date) as seen_date,
        {{ race_reason('event_name', 'occurred_at') }} as race_reason
    from numbered_events
    group by
        source,
        tracker_user,
        tracker_session,
        cast(occurred_at as date)

),

-- Few are seen on several days: only these go through a sort.
long_sessions as (

    select
        source,
        tracker_user,
        tracker_session
    from session_days
    group by
        source,
        tracker_user,
        tracker_session
    having count(*) > 1

),

session_silences as (

    select
        session_days.*,
        lag(session_days.seen_date) over (
            partition by
                session_days.source,
                session_days.tracker_user,
                session_days.tracker_session
            order by session_days.seen_date
        ) as previous_date
    from session_days
    inner join long_sessions
        on
            session_days.source = long_sessions.source
            and session_days.tracker_user = long_sessions.tracker_user
            and session_days.tracker_session = long_sessions.tracker_session

),

-- The number is unique only for a while, too: counters begin anew.
session_starts as (

    select
        source,
        tracker_user,
        tracker_session,
        seen_date,
        max(
            case
                when
                    previous_date is null
                    or seen_date
                    > {{ add_days('previous_date', session_silence_days()) }}
                    then seen_date
            end
        ) over (
            partition by source, tracker_user, tracker_session
            order by seen_date
            rows between unbounded preceding and current row
        ) as started_date
    from session_silences

),

session_races as (

    select * from session_days
    where race_reason is not null

),

-- Trackers without session ids: only what tells the visits apart goes through the sort.
silences as (

    select
        source,
        event_id,
        tracker_user,
        event_name,
        occurred_at,
        lag(occurred_at) over (
            partition by source, tracker_user
            order by occurred_at, event_id
        ) as previous_at
    from numberless_events

),

visits as (

    select
        source,
        event_id,
        tracker_user,
        event_name,
        occurred_at,
        max(
            case
                when
                    previous_at is null
                    or occurred_at > previous_at + interval 30 minutes
                    then occurred_at
            end
        ) over (
            partition by source, tracker_user
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as visit_started_at
    from silences

),

visit_days as (

    select
        source,
        tracker_user,
        visit_started_at,
        cast(occurred_at as date) as seen_date,
        {{ race_reason('event_name', 'occurred_at') }} as race_reason
    from visits
    group by
        source,
        tracker_user,
        visit_started_at,
        cast(occurred_at as date)

),

visit_races as (

    select * from visit_days
    where race_reason is not null

),

visit_events as (

    select
        visits.source,
        visits.event_id,
        visits.visit_started_at,
        visit_races.race_reason
    from visits
    left join visit_races
        on
            visits.source = visit_races.source
            and visits.tracker_user = visit_races.tracker_user
            and visits.visit_started_at = visit_races.visit_started_at
            and cast(visits.occurred_at as date) = visit_races.seen_date

),

-- An event without any user belongs to no session.
judged as (

    select
        events.*,
        coalesce(
            events.source
            || '|'
            || events.tracker_user
            || '|'
            || events.tracker_session
            || '|on '
            || cast(
                coalesce(session_starts.started_date, cast(events.occurred_at as date))
                as string
            ),
            events.source
            || '|'
            || events.tracker_user
            || '|from '
            || cast(visit_events.visit_started_at as string)
        ) as session_id,
        coalesce(
            events.vendor_reason,
            machine_agents.agent_reason,
            session_races.race_reason,
            visit_events.race_reason
        ) as machine_reason
    from events
    left join session_starts
        on
            events.source = session_starts.source
            and events.tracker_user = session_starts.tracker_user
            and events.tracker_session = session_starts.tracker_session
            and cast(events.occurred_at as date) = session_starts.seen_date
    left join session_races
        on
            events.source = session_races.source
            and events.tracker_user = session_races.tracker_user
            and events.tracker_session = session_races.tracker_session
            and cast(events.occurred_at as date) = session_races.seen_date
    left join visit_events
        on
            events.source = visit_events.source
            and events.event_id = visit_events.event_id
    left join machine_agents
        on events.user_agent = machine_agents.user_agent

),

final as (

    select
        ---------- ids
        source,
        event_id,
        delivery_id,
        session_id,
        tracker_user,
        tracker_session,
        login_identifier,
        anonymous_identifier,
        order_id,
        product_id,
        email_click_token,

        ---------- strings
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
        machine_reason,

        ---------- numerics
        amount,
        engagement_seconds,

        ---------- timestamps
        occurred_at,

        ---------- calculated
        coalesce(login_identifier, anonymous_identifier) as identifier,
        machine_reason is null as is_human,
        event_name in ('page_view', 'screen_view') as is_page_view,
        event_name = 'purchase' as is_conversion
    from judged

)

select * from final
