-- A row means: sessions hold more or fewer events than the trackers reported up to
-- as_of with a user, so pages per session are wrong. Analytics engineering acts, in
-- int_web_events (session ids) or int_sessions.
with

tracked as (

    select count(*) as event_count
    from {{ ref('int_web_events') }} as web_events
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        web_events.session_id is not null
        and {{ local_date('web_events.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

held as (

    select coalesce(sum(event_count), 0) as event_count
    from {{ ref('sessions') }}

)

select
    tracked.event_count as tracked_count,
    held.event_count as held_count
from tracked
cross join held
where tracked.event_count != held.event_count
