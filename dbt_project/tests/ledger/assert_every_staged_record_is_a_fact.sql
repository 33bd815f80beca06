-- A failure means that records or their money were lost or multiplied between staging
-- and the facts: a union leaves out a vendor, a join multiplies, or a night rewrote
-- other rows than it dropped (`rapport audit` then names the rows). The analytics
-- engineer on duty acts; nothing is published meanwhile. Orders have their own tests.
{% set records = [
    ('web event', ['stg_ga4__events', 'stg_generic__web_events'], 'int_web_events'),
    (
        'e-mail event',
        ['stg_sendgrid__events', 'stg_generic__email_events'],
        'int_email_events',
    ),
    (
        'survey answer',
        ['stg_delighted__survey_responses', 'stg_generic__survey_responses'],
        'int_survey_answers_judged',
    ),
    ('ticket', ['stg_generic__tickets'], 'int_tickets'),
    ('review', ['stg_generic__reviews'], 'int_reviews'),
    ('referral', ['stg_generic__referrals'], 'int_referrals'),
    ('loyalty event', ['stg_generic__loyalty_events'], 'int_loyalty_events'),
    ('cart', ['stg_generic__carts'], 'int_carts'),
    ('contact', ['stg_hubspot__contacts', 'stg_generic__contacts'], 'int_contacts'),
] %}
with

movements as (

    {% for record_type, staged, facts in records -%}
    {% for origin in staged -%}
    select
        '{{ record_type }}' as record_type,
        'XXX' as currency,
        count(*) as row_count,
        0 as amount
    from {{ ref(origin) }}
    union all
    {% endfor -%}
    select
        '{{ record_type }}' as record_type,
        'XXX' as currency,
        -count(*) as row_count,
        0 as amount
    from {{ ref(facts) }}
    union all
    {% endfor -%}
    {% for origin in ['stg_hubspot__deals', 'stg_generic__deals'] -%}
    select
        'deal' as record_type,
        coalesce(currency, 'XXX') as currency,
        count(*) as row_count,
        coalesce(sum(amount), 0) as amount
    from {{ ref(origin) }}
    group by coalesce(currency, 'XXX')
    union all
    {% endfor -%}
    select
        'deal' as record_type,
        coalesce(currency, 'XXX') as currency,
        -count(*) as row_count,
        -coalesce(sum(amount), 0) as amount
    from {{ ref('int_deals') }}
    group by coalesce(currency, 'XXX')
    union all
    -- a decision of nobody is left out by name
    select
        'consent record' as record_type,
        'XXX' as currency,
        count(*) as row_count,
        0 as amount
    from {{ ref('stg_generic__consents') }}
    where customer_id is not null or email_key is not null
    union all
    select
        'consent record' as record_type,
        'XXX' as currency,
        -coalesce(sum(row_count), 0) as row_count,
        0 as amount
    from {{ ref('int_consents') }}
    where evidence = 'consent record'

)

select
    record_type,
    currency,
    sum(row_count) as row_difference,
    sum(amount) as amount_difference
from movements
group by record_type, currency
having sum(row_count) != 0 or sum(amount) != 0
