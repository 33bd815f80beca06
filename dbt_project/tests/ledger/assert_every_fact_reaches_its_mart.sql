-- A failure means that a mart shows more or fewer records than the facts hold up to the
-- run's day: a join to customers multiplies, or a filter drops without a name. The
-- analytics engineer on duty acts, in the mart named; nothing is published meanwhile.
-- Orders, their lines and their money have tests of their own.
{% set records = [
    ('interaction', 'int_interactions', 'interactions', 'occurred_at'),
    ('ticket', 'int_tickets', 'tickets', 'created_at'),
    ('survey answer', 'int_survey_responses', 'survey_responses', 'answered_at'),
    ('deal', 'int_deals', 'deals', 'created_at'),
    ('session', 'int_web_sessions', 'sessions', 'started_at'),
] %}
with

movements as (

    {% for record_type, facts, mart, happened_at in records -%}
    select
        '{{ record_type }}' as record_type,
        count(*) as row_count
    from {{ ref(facts) }}
    union all
    -- left out by name: later than the run's day
    select
        '{{ record_type }}' as record_type,
        -count(*) as row_count
    from {{ ref(facts) }} as facts
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('facts.' ~ happened_at, 'run_parameters.time_zone') }}
        > run_parameters.as_of
    union all
    select
        '{{ record_type }}' as record_type,
        -count(*) as row_count
    from {{ ref(mart) }}
    {%- if not loop.last %}
    union all
    {% endif -%}
    {%- endfor %}

)

select
    record_type,
    sum(row_count) as difference
from movements
group by record_type
having sum(row_count) != 0
