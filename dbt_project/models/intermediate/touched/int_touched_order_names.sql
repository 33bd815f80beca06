-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('stg_run__sources') }}
-- depends_on: {{ ref('stg_shopify__orders') }}
with

{% if rewrites_all('int_orders') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as id_space,
        cast(null as string) as order_id
    where false

)

{% else %}

changed_rows as (

    select * from {{ ref('stg_run__changed_rows') }}

),

sources as (

    select * from {{ ref('stg_run__sources') }}

),

-- What a Shopify order is called in payments, as the last night left it and as it is.
shopify_ids as (

    select
        id_space,
        order_id,
        shopify_order_id
    from {{ as_it_was('int_shopify_orders_valued') }}
    where shopify_order_id is not null

    union distinct

    select
        id_space,
        order_id,
        shopify_order_id
    from {{ ref('stg_shopify__orders') }}
    where shopify_order_id is not null

),

orders_changed as (

    select distinct
        id_space,
        order_id
    from changed_rows
    where order_id is not null

),

-- A payment speaks of an order by either name, and is one itself while there is none.
orders_called as (

    select
        id_space,
        order_id
    from orders_changed

    union distinct

    select
        shopify_ids.id_space,
        shopify_ids.order_id
    from shopify_ids
    inner join orders_changed
        on
            shopify_ids.id_space = orders_changed.id_space
            and shopify_ids.shopify_order_id = orders_changed.order_id

    union distinct

    select
        shopify_ids.id_space,
        shopify_ids.shopify_order_id as order_id
    from shopify_ids
    inner join orders_changed
        on
            shopify_ids.id_space = orders_changed.id_space
            and shopify_ids.order_id = orders_changed.order_id

),

final as (

    select
        sources.source,
        orders_called.id_space,
        orders_called.order_id
    from orders_called
    inner join sources
        on orders_called.id_space = sources.id_space

)

{% endif %}

select * from final
