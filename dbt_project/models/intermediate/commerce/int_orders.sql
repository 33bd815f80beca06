{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'order_id'],
    meta={'touched': 'int_touched_orders', 'touched_at': 'ordered_at'},
) }}

-- depends_on: {{ ref('int_touched_orders') }}
with

shopify_orders as (

    select * from {{ ref('int_shopify_orders_valued') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

generic_orders as (

    select * from {{ ref('int_generic_orders_valued') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

web_orders as (

    select * from {{ ref('int_web_orders_valued') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

payment_orders as (

    select * from {{ ref('int_payment_orders_valued') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    {% for origin in [
        'shopify_orders', 'generic_orders', 'web_orders', 'payment_orders'
    ] -%}
    select
        source,
        id_space,
        delivery_id,
        order_id,
        original_order_id,
        identifier,
        ordered_at,
        currency,
        delivered_amount,
        gross_amount,
        discount_amount,
        refund_amount,
        adjustment_amount,
        tax_amount,
        shipping_amount,
        source_status,
        document_type,
        is_test,
        is_never_paid,
        is_pending,
        channel,
        location_id,
        country,
        discount_code,
        campaign_id,
        is_member_recorded
    from {{ origin }}
    {%- if not loop.last %}

    union all

    {% endif -%}
    {%- endfor %}

),

typed as (

    select
        orders.source,
        orders.id_space,
        orders.delivery_id,
        orders.order_id,
        orders.original_order_id,
        orders.identifier,
        orders.currency,
        orders.source_status,
        orders.document_type,
        orders.channel,
        orders.location_id,
        orders.country,
        orders.discount_code,
        orders.campaign_id,
        orders.is_test,
        orders.is_never_paid,
        orders.is_pending,
        orders.is_member_recorded,
        orders.ordered_at,
        cast(orders.delivered_amount as decimal(18, 4)) as delivered_amount,
        cast(orders.gross_amount as decimal(18, 4)) as gross_amount,
        cast(orders.discount_amount as decimal(18, 4)) as discount_amount,
        cast(orders.refund_amount as decimal(18, 4)) as refund_amount,
        cast(orders.adjustment_amount as decimal(18, 4)) as adjustment_amount,
        cast(orders.tax_amount as decimal(18, 4)) as tax_amount,
        cast(orders.shipping_amount as decimal(18, 4)) as shipping_amount,
        {{ local_date('orders.ordered_at', 'parameters.time_zone') }} as ordered_date
    from orders
    cross join parameters

),

final as (

    select
        source,
        id_space,
        delivery_id,
        order_id,
        original_order_id,
        identifier,
        currency,
        source_status,
        document_type,
        channel,
        location_id,
        country,
        discount_code,
        campaign_id,
        delivered_amount,
        gross_amount,
        discount_amount,
        refund_amount,
        adjustment_amount,
        tax_amount,
        shipping_amount,
        is_test,
        is_never_paid,
        is_member_recorded,
        ordered_date,
        ordered_at,
        cast(
            gross_amount - discount_amount - refund_amount + adjustment_amount
            as decimal(18, 4)
        ) as net_amount,
        case
            when is_test then 'test'
            when document_type != 'sale' then document_type
            when is_never_paid then 'cancelled'
            when refund_amount > 0 and refund_amount >= gross_amount - discount_amount
                then 'refunded'
            when refund_amount > 0 then 'partially_refunded'
            when is_pending then 'pending'
            else 'completed'
        end as status,
        document_type = 'sale'
        and gross_amount > 0
        and not is_test
        and not is_never_paid as is_counted
    from typed

)

select * from final
