-- A failure means that staging shows more or fewer rows than the ledger says are in
-- force: a staging model filters or multiplies. The analytics engineer on duty acts:
-- the staging model of the object listed must be one row per raw row; nothing is
-- published meanwhile.
{% set staged = {
    'shopify_orders': 'stg_shopify__order_lines',
    'hubspot_contacts': 'stg_hubspot__contacts',
    'hubspot_deals': 'stg_hubspot__deals',
    'sendgrid_events': 'stg_sendgrid__events',
    'ga4_events': 'stg_ga4__events',
    'delighted_survey_responses': 'stg_delighted__survey_responses',
    'generic_contacts': 'stg_generic__contacts',
    'generic_accounts': 'stg_generic__accounts',
    'generic_deals': 'stg_generic__deals',
    'generic_orders': 'stg_generic__orders',
    'generic_order_lines': 'stg_generic__order_lines',
    'generic_payments': 'stg_generic__payments',
    'generic_carts': 'stg_generic__carts',
    'generic_products': 'stg_generic__products',
    'generic_campaigns': 'stg_generic__campaigns',
    'generic_email_events': 'stg_generic__email_events',
    'generic_web_events': 'stg_generic__web_events',
    'generic_survey_responses': 'stg_generic__survey_responses',
    'generic_tickets': 'stg_generic__tickets',
    'generic_loyalty_events': 'stg_generic__loyalty_events',
    'generic_referrals': 'stg_generic__referrals',
    'generic_reviews': 'stg_generic__reviews',
    'generic_interactions': 'stg_generic__interactions',
    'generic_consents': 'stg_generic__consents',
    'generic_exchange_rates': 'stg_generic__exchange_rates',
} %}
with

deliveries as (

    select * from {{ ref('stg_run__deliveries') }}

),

counts as (

    {% for object, model in staged.items() -%}
    select
        '{{ object }}' as object,
        -count(*) as row_count
    from {{ ref(model) }}
    union all
    {% endfor -%}
    select
        object,
        rows_accepted as row_count
    from deliveries

)

select
    object,
    sum(row_count) as difference
from counts
group by object
having sum(row_count) != 0
