{%- set anew =
    rewrites_all('int_email_events') or rewrites_all('int_email_campaign_days')
-%}

-- depends_on: {{ ref('int_touched_email_events') }}
with

{% if anew %}

final as (

    select cast(null as date) as event_date
    where false

)

{% else %}

final as (

    select distinct cast(occurred_at as date) as event_date
    from {{ ref('int_touched_email_events') }}
    where is_rewritten

)

{% endif %}

select * from final
