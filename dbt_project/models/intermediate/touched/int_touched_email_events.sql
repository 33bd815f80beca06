-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('stg_sendgrid__events') }}
-- depends_on: {{ ref('stg_generic__email_events') }}
with

{% if rewrites_all('int_email_events') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as event_id,
        cast(null as timestamp) as occurred_at,
        cast(null as boolean) as is_rewritten
    where false

)

{% else %}

{%- set bounds = (
    "select min(occurred_at) - interval 1 minute, max(occurred_at) + interval 1 minute"
    ~ " from " ~ ref('stg_run__changed_rows')
    ~ " where object in ('sendgrid_events', 'generic_email_events')"
) %}

touched_seconds as (

    select distinct
        source,
        {{ epoch_seconds('occurred_at') }} as touched_second
    from {{ ref('stg_run__changed_rows') }}
    where object in ('sendgrid_events', 'generic_email_events')

),

shifts as (

    select 0 as shift
    union all
    select 1 as shift
    union all
    select 2 as shift
    union all
    select 3 as shift
    union all
    select 4 as shift
    union all
    select 5 as shift
    union all
    select 6 as shift

),

-- A machine is known by what happened within two seconds, so three touched seconds
-- around are judged again; what is judged is seen with three seconds around it.
seconds_around as (

    select
        touched_seconds.source,
        touched_seconds.touched_second + shifts.shift as second_around,
        min(shifts.shift) as distance
    from touched_seconds
    cross join shifts
    group by
        touched_seconds.source,
        touched_seconds.touched_second + shifts.shift
    union all
    select
        touched_seconds.source,
        touched_seconds.touched_second - shifts.shift as second_around,
        min(shifts.shift) as distance
    from touched_seconds
    cross join shifts
    group by
        touched_seconds.source,
        touched_seconds.touched_second - shifts.shift

),

seconds_judged as (

    select
        source,
        second_around,
        min(distance) <= 3 as is_rewritten
    from seconds_around
    group by
        source,
        second_around

),

events as (

    select
        source,
        event_id,
        occurred_at
    from {{ ref('stg_sendgrid__events') }}
    where {{ lies_within('occurred_at', bounds) }}
    union distinct
    select
        source,
        event_id,
        occurred_at
    from {{ ref('stg_generic__email_events') }}
    where {{ lies_within('occurred_at', bounds) }}
    union distinct
    select
        source,
        event_id,
        occurred_at
    from {{ as_it_was('int_email_events') }}
    where {{ lies_within('occurred_at', bounds) }}

),

final as (

    select
        events.source,
        events.event_id,
        events.occurred_at,
        seconds_judged.is_rewritten
    from events
    inner join seconds_judged
        on
            events.source = seconds_judged.source
            and {{ epoch_seconds('events.occurred_at') }} = seconds_judged.second_around

)

{% endif %}

select * from final
