-- A failure means that staging shows more or fewer rows than the ledger says are in
-- force: a staging model filters or multiplies. The analytics engineer on duty acts:
-- the staging model of the object listed must be one row per raw row; nothing is
-- published meanwhile.

with

deliveries as (

    select * from {{ ref('stg_run__deliveries') }}

),

counts as (

    select
        object,
        rows_accepted as row_count
    from deliveries

    union all

    select
        'hubspot_contacts' as object,
        -count(*) as row_count
    from {{ ref('stg_hubspot__contacts') }}

    union all

    select
        'hubspot_deals' as object,
        -count(*) as row_count
    from {{ ref('stg_hubspot__deals') }}

    union all

    select
        'sendgrid_events' as object,
        -count(*) as row_count
    from {{ ref('stg_sendgrid__events') }}

    union all

    select
        'ga4_events' as object,
        -count(*) as row_count
    from {{ ref('stg_ga4__events') }}

    union all

    select
        'delighted_survey_responses' as object,
        -count(*) as row_count
    from {{ ref('stg_delighted__survey_responses') }}

    union all

    select
        'shopify_orders' as object,
        -count(*) as row_count
    from {{ ref('stg_shopify__order_lines') }}

    union all

    select
        'generic_contacts' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__contacts') }}

    union all

    select
        'generic_accounts' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__accounts') }}

    union all

    select
        'generic_deals' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__deals') }}

    union all

    select
        'generic_orders' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__orders') }}

    union all

    select
        'generic_order_lines' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__order_lines') }}

    union all

    select
        'generic_payments' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__payments') }}

    union all

    select
        'generic_carts' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__carts') }}

    union all

    select
        'generic_products' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__products') }}

    union all

    select
        'generic_campaigns' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__campaigns') }}

    union all

    select
        'generic_email_events' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__email_events') }}

    union all

    select
        'generic_web_events' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__web_events') }}

    union all

    select
        'generic_survey_responses' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__survey_responses') }}

    union all

    select
        'generic_tickets' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__tickets') }}

    union all

    select
        'generic_loyalty_events' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__loyalty_events') }}

    union all

    select
        'generic_referrals' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__referrals') }}

    union all

    select
        'generic_reviews' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__reviews') }}

    union all

    select
        'generic_interactions' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__interactions') }}

    union all

    select
        'generic_consents' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__consents') }}

    union all

    select
        'generic_exchange_rates' as object,
        -count(*) as row_count
    from {{ ref('stg_generic__exchange_rates') }}

)

select
    object,
    sum(row_count) as difference
from counts
group by object
having sum(row_count) != 0
