{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'event_id', 'occurred_at'],
    meta={'touched': 'int_touched_web_events'},
) }}

-- depends_on: {{ ref('int_touched_web_events') }}
with

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}
    where
        {{ is_touched(
            ref('int_touched_web_events'), ['source', 'event_id', 'occurred_at']
        ) }}

),

generic_events as (

    select * from {{ ref('stg_generic__web_events') }}
    where
        {{ is_touched(
            ref('int_touched_web_events'), ['source', 'event_id', 'occurred_at']
        ) }}

),

machine_agent_words as (

    select * from {{ ref('machine_agent_words') }}

),

events as (

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

),

-- Read apart from the events, which would otherwise be kept whole to be read again.
session_days as (

    select
        source,
        coalesce(anonymous_id, user_id) as tracker_user,
        session_id as tracker_session,
        cast(occurred_at as date) as seen_date
    from ga4_events
    where session_id is not null
    union distinct
    select
        source,
        coalesce(anonymous_id, user_id, email_key) as tracker_user,
        session_id as tracker_session,
        cast(occurred_at as date) as seen_date
    from generic_events
    where session_id is not null

),

-- Only what lies over midnight goes through a sort.
long_sessions as (

    select
        source,
        tracker_user,
        tracker_session
    from session_days
    where tracker_user is not null
    group by
        source,
        tracker_user,
        tracker_session
    having count(*) > 1

),

long_session_days as (

    select * from session_days
    where
        {{ is_among('long_sessions', ['source', 'tracker_user', 'tracker_session']) }}

),

session_silences as (

    select
        source,
        tracker_user,
        tracker_session,
        seen_date,
        lag(seen_date) over (
            partition by source, tracker_user, tracker_session
            order by seen_date
        ) as previous_date
    from long_session_days

),

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

-- Trackers without session ids: only what tells the visits apart goes through the sort.
sessionless_events as (

    select
        source,
        event_id,
        coalesce(anonymous_id, user_id) as tracker_user,
        occurred_at
    from ga4_events
    where session_id is null
    union all
    select
        source,
        event_id,
        coalesce(anonymous_id, user_id, email_key) as tracker_user,
        occurred_at
    from generic_events
    where session_id is null

),

silences as (

    select
        source,
        event_id,
        tracker_user,
        occurred_at,
        lag(occurred_at) over (
            partition by source, tracker_user
            order by occurred_at, event_id
        ) as previous_at
    from sessionless_events
    where tracker_user is not null

),

visits as (

    select
        source,
        event_id,
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

agents as (

    select browser as user_agent
    from ga4_events
    where browser is not null
    union distinct
    select user_agent
    from generic_events
    where user_agent is not null

),

-- Cubot makes telephones.
machine_agents as (

    select distinct
        agents.user_agent,
        'bot' as agent_reason
    from agents
    inner join machine_agent_words
        on
            position(
                machine_agent_words.word
                in replace(lower(agents.user_agent), 'cubot', '')
            ) > 0

),

-- The tracker's session id is unique only within its user, and for a while: counters
-- begin anew. An event without any user belongs to no session.
sessions_found as (

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
            || cast(visits.visit_started_at as string)
        ) as session_id
    from events
    left join session_starts
        on
            events.source = session_starts.source
            and events.tracker_user = session_starts.tracker_user
            and events.tracker_session = session_starts.tracker_session
            and cast(events.occurred_at as date) = session_starts.seen_date
    left join visits
        on
            events.source = visits.source
            and events.event_id = visits.event_id

),

-- Nobody reads twenty pages at less than two seconds each: a crawler that calls itself
-- an ordinary browser. Judged by day, so that tomorrow changes no day before it.
races as (

    select
        session_id,
        cast(occurred_at as date) as viewed_date,
        'bot' as race_reason
    from sessions_found
    where
        session_id is not null
        and event_name in ('page_view', 'screen_view')
    group by
        session_id,
        cast(occurred_at as date)
    having
        count(*) >= 20
        and {{ seconds_between('min(occurred_at)', 'max(occurred_at)') }}
        < 2 * (count(*) - 1)

),

judged as (

    select
        sessions_found.*,
        coalesce(
            sessions_found.vendor_reason,
            machine_agents.agent_reason,
            races.race_reason
        ) as machine_reason
    from sessions_found
    left join machine_agents
        on sessions_found.user_agent = machine_agents.user_agent
    left join races
        on
            sessions_found.session_id = races.session_id
            and cast(sessions_found.occurred_at as date) = races.viewed_date

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
