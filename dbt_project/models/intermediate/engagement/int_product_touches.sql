with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

order_items as (

    select * from {{ ref('int_order_items') }}

),

products as (

    select * from {{ ref('int_products') }}

),

-- Ids of products are known without their shop on interactions, so only an id that one
-- shop alone uses can lend its category.
product_categories as (

    select
        product_id,
        category
    from products
    where is_only_entry

),

interaction_touches as (

    select
        identity_assignments.customer_id,
        interactions.product_id,
        coalesce(interactions.category, product_categories.category) as category,
        interactions.kind,
        interactions.occurred_at,
        cast(0 as decimal(18, 4)) as quantity,
        cast(0 as decimal(18, 4)) as net_amount_reporting
    from interactions
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    left join product_categories
        on interactions.product_id = product_categories.product_id
    where
        interactions.is_human
        and interactions.direction != 'outbound'
        and coalesce(interactions.product_id, interactions.category) is not null

),

-- A cancelled or test order is no interest in its products.
item_touches as (

    select
        orders.customer_id,
        order_items.product_id,
        order_items.category,
        'order' as kind,
        orders.ordered_at as occurred_at,
        cast(order_items.quantity as decimal(18, 4)) as quantity,
        cast(
            round(order_items.net_amount * orders.exchange_rate, 4)
            as decimal(18, 4)
        ) as net_amount_reporting
    from order_items
    inner join orders
        on
            order_items.source = orders.source
            and order_items.order_id = orders.order_id
    where
        orders.customer_id is not null
        and orders.is_counted
        and coalesce(order_items.product_id, order_items.category) is not null

),

touches as (

    select * from interaction_touches
    union all
    select * from item_touches

),

final as (

    select
        ---------- ids
        touches.customer_id,
        touches.product_id,

        ---------- strings
        touches.category,
        touches.kind,

        ---------- numerics
        touches.quantity,
        touches.net_amount_reporting,

        ---------- dates
        {{ local_date('touches.occurred_at', 'run_parameters.time_zone') }}
            as touched_date,
        run_parameters.as_of
    from touches
    cross join run_parameters
    where
        {{ local_date('touches.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

)

select * from final
