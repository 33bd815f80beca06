{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'order_id'],
    meta={'touched': 'int_touched_orders', 'touched_at': 'ordered_at'},
) }}

-- depends_on: {{ ref('int_touched_orders') }}
with

orders as (

    select * from {{ ref('stg_shopify__orders') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

order_lines as (

    select * from {{ ref('stg_shopify__order_lines') }}
    where {{ is_touched(ref('int_touched_orders'), ['source', 'order_id']) }}

),

payments as (

    select * from {{ ref('stg_generic__payments') }}

),

-- Summed before it is joined: an order with a sale and a capture is still one order.
payment_refunds as (

    select
        id_space,
        order_id,
        currency,
        sum(amount) as refunded_amount
    from payments
    where
        kind in ('refund', 'chargeback')
        and status = 'success'
        and not is_test
        and order_id is not null
    group by id_space, order_id, currency

),

lines_summed as (

    select
        source,
        order_id,
        sum(amount) as lines_amount,
        sum(coalesce(line_discount_amount, 0)) as line_discount_amount
    from order_lines
    group by source, order_id

),

-- Subtotal is goods after discounts, where the export has it; else the lines tell.
goods_valued as (

    select
        orders.source,
        orders.id_space,
        orders.delivery_id,
        orders.order_id,
        orders.shopify_order_id,
        {{ email_identifier('orders.email_key') }} as identifier,
        orders.ordered_at,
        orders.currency,
        orders.financial_status,
        orders.is_test,
        orders.channel,
        orders.location_id,
        orders.country,
        orders.discount_code,
        -- both count all refunds so far: the larger one knows of more
        greatest(
            coalesce(orders.refunded_amount, 0),
            coalesce(by_number.refunded_amount, 0),
            coalesce(by_id.refunded_amount, 0)
        ) as refunded_amount,
        orders.tax_amount,
        orders.total_amount,
        orders.shipping_amount,
        lines_summed.lines_amount,
        case
            when orders.subtotal_amount is not null
                then orders.subtotal_amount + orders.discount_amount
            else lines_summed.lines_amount
        end as gross_amount,
        case
            when orders.subtotal_amount is not null then orders.discount_amount
            -- a discount beyond the goods was given on shipping
            else least(
                orders.discount_amount + lines_summed.line_discount_amount,
                lines_summed.lines_amount
            )
        end as discount_amount,
        coalesce(
            orders.financial_status = 'voided'
            or (
                orders.cancelled_at is not null
                and orders.financial_status in ('pending', 'authorized')
            ),
            false
        ) as is_never_paid,
        coalesce(orders.financial_status in ('pending', 'authorized'), false)
            as is_pending
    from orders
    inner join lines_summed
        on
            orders.source = lines_summed.source
            and orders.order_id = lines_summed.order_id
    left join payment_refunds as by_number
        on
            orders.id_space = by_number.id_space
            and orders.order_id = by_number.order_id
            and orders.currency = by_number.currency
    left join payment_refunds as by_id
        on
            orders.id_space = by_id.id_space
            and orders.shopify_order_id = by_id.order_id
            and orders.currency = by_id.currency

),

final as (

    select
        source,
        id_space,
        delivery_id,
        order_id,
        shopify_order_id,
        cast(null as string) as original_order_id,
        identifier,
        ordered_at,
        currency,
        lines_amount as delivered_amount,
        gross_amount,
        discount_amount,
        case
            when is_never_paid then gross_amount - discount_amount
            else
                {{ goods_refunded(
                    'refunded_amount',
                    '(gross_amount - discount_amount)',
                    'tax_amount',
                    'total_amount',
                ) }}
        end as refund_amount,
        0 as adjustment_amount,
        coalesce(tax_amount, 0) as tax_amount,
        coalesce(shipping_amount, 0) as shipping_amount,
        financial_status as source_status,
        'sale' as document_type,
        is_test,
        is_never_paid,
        is_pending,
        channel,
        location_id,
        country,
        discount_code,
        cast(null as string) as campaign_id,
        cast(null as boolean) as is_member_recorded
    from goods_valued

)

select * from final
