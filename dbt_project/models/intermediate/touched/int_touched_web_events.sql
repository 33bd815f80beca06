{%- set anew = rewrites_all('int_web_events') or rewrites_all('int_web_sessions') -%}

-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('int_touched_sessions') }}
with

{% if anew %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as event_id,
        cast(null as timestamp) as occurred_at
    where false

)

{% else %}

-- An event may end a session, lengthen it or part it: sessions are rewritten whole.
final as (

    select
        source,
        record_id as event_id,
        occurred_at
    from {{ ref('stg_run__changed_rows') }}
    where object in ('ga4_events', 'generic_web_events')
    union distinct
    select
        source,
        event_id,
        occurred_at
    from {{ as_it_was('int_web_events') }}
    where
        {{ is_among(ref('int_touched_sessions'), ['session_id']) }}
        and {{ lies_within(
            'occurred_at',
            "select min(started_at), max(ended_at) from " ~ ref('int_touched_sessions'),
        ) }}

)

{% endif %}

select * from final
