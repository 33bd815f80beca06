-- A failure means that money was lost or invented between a delivery and the mart
-- orders: for the currency listed, what the step was given is not what it passed on
-- plus what it left out by name. The analytics engineer on duty acts: the step says
-- which models to compare; nothing is published meanwhile.

with

deliveries as (

    select * from {{ ref('stg_run__deliveries') }}

),

delivery_amounts as (

    select * from {{ ref('stg_run__delivery_amounts') }}

),

shopify_order_lines as (

    select * from {{ ref('stg_shopify__order_lines') }}

),

generic_orders as (

    select * from {{ ref('stg_generic__orders') }}

),

generic_order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}

),

payments as (

    select * from {{ ref('stg_generic__payments') }}

),

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}

),

int_orders as (

    select * from {{ ref('int_orders') }}

),

order_exclusions as (

    select * from {{ ref('int_order_exclusions') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('orders') }}

),

pipeline_ledger_amounts as (

    select * from {{ ref('pipeline_ledger_amounts') }}

),

order_deliveries as (

    select delivery_id
    from deliveries
    where
        object in (
            'shopify_orders',
            'generic_orders',
            'generic_order_lines',
            'generic_payments',
            'ga4_events'
        )

),

movements as (

    select
        '1 raw to staging' as step,
        delivery_amounts.currency,
        delivery_amounts.amount
    from delivery_amounts
    inner join order_deliveries
        on delivery_amounts.delivery_id = order_deliveries.delivery_id
    where delivery_amounts.outcome = 'accepted'

    union all

    select
        '1 raw to staging' as step,
        currency,
        -coalesce(amount, 0) as amount
    from shopify_order_lines

    union all

    select
        '1 raw to staging' as step,
        currency,
        -coalesce(gross_amount, 0) as amount
    from generic_orders

    union all

    select
        '1 raw to staging' as step,
        currency,
        -coalesce(amount, 0) as amount
    from generic_order_lines

    union all

    select
        '1 raw to staging' as step,
        currency,
        -amount as amount
    from payments

    union all

    select
        '1 raw to staging' as step,
        currency,
        -coalesce(amount, 0) as amount
    from ga4_events

    union all

    select
        '2 raw to facts: int_orders and int_order_exclusions' as step,
        delivery_amounts.currency,
        delivery_amounts.amount
    from delivery_amounts
    inner join order_deliveries
        on delivery_amounts.delivery_id = order_deliveries.delivery_id
    where delivery_amounts.outcome = 'accepted'

    union all

    select
        '2 raw to facts: int_orders and int_order_exclusions' as step,
        currency,
        -delivered_amount as amount
    from int_orders

    union all

    select
        '2 raw to facts: int_orders and int_order_exclusions' as step,
        currency,
        -amount as amount
    from order_exclusions

    union all

    select
        '3 facts to mart: net amounts' as step,
        currency,
        net_amount as amount
    from int_orders

    union all

    select
        '3 facts to mart: net amounts' as step,
        currency,
        -net_amount as amount
    from orders

    union all

    -- left out by name: orders after the run's day
    select
        '3 facts to mart: net amounts' as step,
        int_orders.currency,
        -int_orders.net_amount as amount
    from int_orders
    cross join run_parameters
    where int_orders.ordered_date > run_parameters.as_of

    union all

    select
        '4 published ledger to published orders' as step,
        pipeline_ledger_amounts.currency,
        pipeline_ledger_amounts.amount
    from pipeline_ledger_amounts
    inner join order_deliveries
        on pipeline_ledger_amounts.delivery_id = order_deliveries.delivery_id
    where pipeline_ledger_amounts.outcome = 'accepted'

    union all

    select
        '4 published ledger to published orders' as step,
        currency,
        -delivered_amount as amount
    from orders

    union all

    -- left out by name: orders after the run's day
    select
        '4 published ledger to published orders' as step,
        int_orders.currency,
        -int_orders.delivered_amount as amount
    from int_orders
    cross join run_parameters
    where int_orders.ordered_date > run_parameters.as_of

)

select
    step,
    currency,
    sum(amount) as difference
from movements
group by step, currency
having sum(amount) != 0
