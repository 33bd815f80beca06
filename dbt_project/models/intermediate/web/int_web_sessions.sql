{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['session_id', 'started_at'],
    meta={'touched': 'int_touched_sessions'},
) }}

-- depends_on: {{ ref('int_touched_sessions') }}
-- depends_on: {{ ref('int_touched_web_events') }}
with

-- Events without any user have no session.
session_events as (

    select * from {{ ref('int_web_events') }}
    where
        session_id is not null
        and {{ is_touched(
            ref('int_touched_web_events'), ['source', 'event_id', 'occurred_at']
        ) }}

),

{{ session_summary('session_events', 'summed') }},

final as (

    select
        *,
        {{ session_number('session_id') }} as session_number
    from summed

)

-- Sorted by number within a day, so that a number takes few bytes.
select * from final
order by cast(started_at as date), session_number
