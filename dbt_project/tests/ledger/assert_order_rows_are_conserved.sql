-- A failure means that orders or order lines were lost or multiplied on the way to the
-- marts: what a step was given is not what it passed on plus what it left out by name.
-- The analytics engineer on duty acts: the step says which models to compare; nothing
-- is published meanwhile.

with

shopify_orders as (

    select * from {{ ref('stg_shopify__orders') }}

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

payments_judged as (

    select * from {{ ref('int_payments_judged') }}

),

ga4_events as (

    select * from {{ ref('stg_ga4__events') }}

),

int_orders as (

    select * from {{ ref('int_orders') }}

),

int_order_items as (

    select * from {{ ref('int_order_items') }}

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

order_items as (

    select * from {{ ref('order_items') }}

),

order_ids_of_lines as (

    select
        source,
        order_id,
        min(ordered_at) as ordered_at
    from generic_order_lines
    group by source, order_id

),

later_orders as (

    select
        int_orders.source,
        int_orders.order_id
    from int_orders
    cross join run_parameters
    where int_orders.ordered_date > run_parameters.as_of

),

counts as (

    select
        '1 staging to int_orders' as step,
        count(*) as row_count
    from shopify_orders

    union all

    select
        '1 staging to int_orders' as step,
        count(*) as row_count
    from generic_orders

    union all

    -- lines are an order where no header speaks for it and they have a time
    select
        '1 staging to int_orders' as step,
        count(*) as row_count
    from order_ids_of_lines
    left join generic_orders
        on
            order_ids_of_lines.source = generic_orders.source
            and order_ids_of_lines.order_id = generic_orders.order_id
    where
        generic_orders.order_id is null
        and order_ids_of_lines.ordered_at is not null

    union all

    select
        '1 staging to int_orders' as step,
        count(*) as row_count
    from ga4_events
    where event_name = 'purchase' or amount is not null

    union all

    -- an order that only its payments know
    select
        '1 staging to int_orders' as step,
        count(distinct id_space || '|' || order_id || '|' || currency) as row_count
    from payments_judged
    where exclusion_reason is null

    union all

    select
        '1 staging to int_orders' as step,
        -count(*) as row_count
    from int_orders

    union all

    select
        '1 staging to int_orders' as step,
        -coalesce(sum(row_count), 0) as row_count
    from order_exclusions
    where reason not like 'lines of an order%' and reason not like 'payment %'

    union all

    select
        '1 payments to int_payments_judged' as step,
        count(*) as row_count
    from payments

    union all

    select
        '1 payments to int_payments_judged' as step,
        -count(*) as row_count
    from payments_judged
    where exclusion_reason is null

    union all

    select
        '1 payments to int_payments_judged' as step,
        -coalesce(sum(row_count), 0) as row_count
    from order_exclusions
    where reason like 'payment %'

    union all

    select
        '2 staging to int_order_items' as step,
        count(*) as row_count
    from shopify_order_lines

    union all

    select
        '2 staging to int_order_items' as step,
        count(*) as row_count
    from generic_order_lines

    union all

    select
        '2 staging to int_order_items' as step,
        -count(*) as row_count
    from int_order_items

    union all

    select
        '2 staging to int_order_items' as step,
        -coalesce(sum(row_count), 0) as row_count
    from order_exclusions
    where reason = 'lines of an order without a time'

    union all

    select
        '3 int_orders to orders' as step,
        count(*) as row_count
    from int_orders

    union all

    select
        '3 int_orders to orders' as step,
        -count(*) as row_count
    from later_orders

    union all

    select
        '3 int_orders to orders' as step,
        -count(*) as row_count
    from orders

    union all

    select
        '4 int_order_items to order_items' as step,
        count(*) as row_count
    from int_order_items

    union all

    select
        '4 int_order_items to order_items' as step,
        -count(*) as row_count
    from order_items

    union all

    select
        '4 int_order_items to order_items' as step,
        -count(*) as row_count
    from int_order_items
    inner join later_orders
        on
            int_order_items.source = later_orders.source
            and int_order_items.order_id = later_orders.order_id

)

select
    step,
    sum(row_count) as difference
from counts
group by step
having sum(row_count) != 0
