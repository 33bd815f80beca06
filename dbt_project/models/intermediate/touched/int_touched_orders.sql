-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('stg_run__sources') }}
-- depends_on: {{ ref('stg_shopify__orders') }}
-- depends_on: {{ ref('stg_generic__payments') }}
with

{% if rewrites_all('int_orders') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as id_space,
        cast(null as string) as order_id,
        cast(null as timestamp) as ordered_at
    where false

)

{% else %}

changed_rows as (

    select * from {{ ref('stg_run__changed_rows') }}

),

sources as (

    select * from {{ ref('stg_run__sources') }}

),

shopify_orders as (

    select * from {{ ref('stg_shopify__orders') }}

),

payments as (

    select * from {{ ref('stg_generic__payments') }}

),

-- A payment speaks of the orders of its id_space, every other row of its own source's.
orders_named as (

    select
        source,
        id_space,
        order_id
    from changed_rows
    where order_id is not null
    union distinct
    select
        sources.source,
        changed_rows.id_space,
        changed_rows.order_id
    from changed_rows
    inner join sources
        on changed_rows.id_space = sources.id_space
    where
        changed_rows.object = 'generic_payments'
        and changed_rows.order_id is not null

),

-- A payment names a Shopify order by its number or by its id.
shopify_orders_named as (

    select
        shopify_orders.source,
        shopify_orders.id_space,
        shopify_orders.order_id,
        shopify_orders.shopify_order_id
    from shopify_orders
    inner join orders_named
        on
            shopify_orders.id_space = orders_named.id_space
            and (
                shopify_orders.order_id = orders_named.order_id
                or shopify_orders.shopify_order_id = orders_named.order_id
            )

),

-- An order that only its payments knew is none of its own any more once a shop reports it.
payments_named as (

    select
        payments.source,
        payments.id_space,
        payments.order_id
    from payments
    inner join orders_named
        on
            payments.id_space = orders_named.id_space
            and payments.order_id = orders_named.order_id
    union distinct
    select
        payments.source,
        payments.id_space,
        payments.order_id
    from payments
    inner join shopify_orders_named
        on
            payments.id_space = shopify_orders_named.id_space
            and payments.order_id = shopify_orders_named.shopify_order_id

),

all_named as (

    select
        source,
        id_space,
        order_id
    from orders_named
    union distinct
    select
        source,
        id_space,
        order_id
    from shopify_orders_named
    union distinct
    select
        source,
        id_space,
        order_id
    from payments_named

),

-- The time is that of the order as it was.
final as (

    select
        all_named.source,
        all_named.id_space,
        all_named.order_id,
        int_orders.ordered_at
    from all_named
    left join {{ as_it_was('int_orders') }} as int_orders
        on
            all_named.source = int_orders.source
            and all_named.order_id = int_orders.order_id

)

{% endif %}

select * from final
