{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['event_date'],
    meta={'touched': 'int_touched_email_days'},
) }}

-- depends_on: {{ ref('int_touched_email_days') }}
with

email_events as (

    select
        source,
        campaign_id,
        event,
        cast(occurred_at as date) as event_date
    from {{ ref('int_email_events') }}
    where
        campaign_id is not null
        {% if is_incremental() -%}
        and {{ lies_within(
            'occurred_at',
            "select min(event_date), max(event_date) + interval 1 day from "
            ~ ref('int_touched_email_days'),
        ) }}
        {%- endif %}

),

final as (

    select
        source,
        campaign_id,
        event_date,
        max(case when event = 'delivered' then 1 else 0 end) as is_sender
    from email_events
    where {{ is_touched(ref('int_touched_email_days'), ['event_date']) }}
    group by
        source,
        campaign_id,
        event_date

)

select * from final
