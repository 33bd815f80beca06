-- A failure means that a mart shows more or fewer records than the facts hold up to the
-- run's day: a join to customers multiplies, or a filter drops without a name. The
-- analytics engineer on duty acts, in the mart named; nothing is published meanwhile.
-- Orders, their lines and their money have tests of their own.
with

movements as (

    select
        'interaction' as record_type,
        count(*) as row_count
    from {{ ref('int_interactions') }}
    union all
    -- left out by name: later than the run's day
    select
        'interaction' as record_type,
        -count(*) as row_count
    from {{ ref('int_interactions') }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.occurred_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        'interaction' as record_type,
        -count(*) as row_count
    from {{ ref('interactions') }}
    union all
    select
        'ticket' as record_type,
        count(*) as row_count
    from {{ ref('int_tickets') }}
    union all
    -- left out by name: later than the run's day
    select
        'ticket' as record_type,
        -count(*) as row_count
    from {{ ref('int_tickets') }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.created_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        'ticket' as record_type,
        -count(*) as row_count
    from {{ ref('tickets') }}
    union all
    select
        'survey answer' as record_type,
        count(*) as row_count
    from {{ ref('int_survey_responses') }}
    union all
    -- left out by name: later than the run's day
    select
        'survey answer' as record_type,
        -count(*) as row_count
    from {{ ref('int_survey_responses') }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.answered_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        'survey answer' as record_type,
        -count(*) as row_count
    from {{ ref('survey_responses') }}
    union all
    select
        'deal' as record_type,
        count(*) as row_count
    from {{ ref('int_deals') }}
    union all
    -- left out by name: later than the run's day
    select
        'deal' as record_type,
        -count(*) as row_count
    from {{ ref('int_deals') }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.created_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        'deal' as record_type,
        -count(*) as row_count
    from {{ ref('deals') }}
    union all
    select
        'session' as record_type,
        count(*) as row_count
    from {{ ref('int_web_sessions') }}
    union all
    -- left out by name: later than the run's day
    select
        'session' as record_type,
        -count(*) as row_count
    from {{ ref('int_web_sessions') }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.started_at', 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        'session' as record_type,
        -count(*) as row_count
    from {{ ref('sessions') }}

)

select
    record_type,
    sum(row_count) as difference
from movements
group by record_type
having sum(row_count) != 0
