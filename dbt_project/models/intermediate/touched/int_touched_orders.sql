-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('stg_run__sources') }}
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

-- The time is that of the order as it was.
final as (

    select
        orders_named.source,
        orders_named.id_space,
        orders_named.order_id,
        int_orders.ordered_at
    from orders_named
    left join {{ as_it_was('int_orders') }} as int_orders
        on
            orders_named.source = int_orders.source
            and orders_named.order_id = int_orders.order_id

)

{% endif %}

select * from final
