-- depends_on: {{ ref('int_touched_order_names') }}
-- depends_on: {{ ref('int_touched_order_months') }}
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

order_names as (

    select * from {{ ref('int_touched_order_names') }}

),

orders_before as (

    select
        source,
        order_id,
        ordered_at
    from {{ as_it_was('int_orders') }}
    where
        {{ is_among('order_names', ['source', 'order_id']) }}
        and {{ lies_in_touched_months('ordered_at') }}

),

final as (

    select
        order_names.source,
        order_names.id_space,
        order_names.order_id,
        orders_before.ordered_at
    from order_names
    left join orders_before
        on
            order_names.source = orders_before.source
            and order_names.order_id = orders_before.order_id

)

{% endif %}

select * from final
