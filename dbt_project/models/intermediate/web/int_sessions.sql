{{ config(materialized='view') }}

with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

web_sessions as (

    select * from {{ ref('int_web_sessions') }}

),

web_events as (

    select * from {{ ref('int_web_events') }}

),

ended_sessions as (

    select
        web_sessions.session_id,
        web_sessions.source,
        web_sessions.identifier,
        web_sessions.channel,
        web_sessions.traffic_source,
        web_sessions.traffic_medium,
        web_sessions.campaign,
        web_sessions.country,
        web_sessions.device,
        web_sessions.machine_reason,
        web_sessions.page_views,
        web_sessions.event_count,
        web_sessions.engagement_seconds,
        web_sessions.duration_seconds,
        web_sessions.is_converted,
        web_sessions.is_human,
        web_sessions.started_at,
        web_sessions.ended_at
    from web_sessions
    cross join run_parameters
    where
        {{ local_date('web_sessions.ended_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

-- A session that runs past the end of the day as_of stops there, whatever has already
-- been delivered of the next day.
running_sessions as (

    select web_sessions.session_id
    from web_sessions
    cross join run_parameters
    where
        {{ local_date('web_sessions.ended_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of

),

events_so_far as (

    select web_events.*
    from web_events
    inner join running_sessions
        on web_events.session_id = running_sessions.session_id
    cross join run_parameters
    where
        {{ local_date('web_events.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

{{ session_summary('events_so_far', 'stopped_sessions') }},

final as (

    select * from ended_sessions
    union all
    select * from stopped_sessions

)

select * from final
