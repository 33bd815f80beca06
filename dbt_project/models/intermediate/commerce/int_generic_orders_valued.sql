{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'order_id'],
    meta={'touched': 'int_touched_orders', 'touched_at': 'ordered_at'},
) }}

-- depends_on: {{ ref('int_touched_orders') }}
with

orders as (

    select * from {{ ref('stg_generic__orders') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

payments as (

    select * from {{ ref('stg_generic__payments') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['id_space', 'order_id'], at='processed_at'
        ) }}

),

-- Lines of two currencies stay two rows, which the key test of int_orders refuses.
lines_added as (

    select
        source,
        id_space,
        order_id,
        currency,
        min(delivery_id) as delivery_id,
        coalesce(
            {{ customer_identifier('min(customer_id)', 'id_space') }},
            {{ email_identifier('min(email_key)') }}
        ) as identifier,
        min(ordered_at) as ordered_at,
        min(document_type) as document_type,
        sum(coalesce(amount, 0)) as delivered_amount,
        sum(greatest(coalesce(amount, 0), 0)) as positive_amount,
        sum(greatest(-coalesce(amount, 0), 0)) as negative_amount,
        sum(coalesce(discount_amount, 0)) as discount_amount,
        sum(coalesce(refund_amount, 0)) as refund_amount,
        bool_or(is_test) as is_test,
        min(channel) as channel,
        min(location_id) as location_id,
        min(country) as country
    from order_lines
    group by
        source,
        id_space,
        order_id,
        currency

),

-- An order that does not state its amount is the sum of its lines; lines are an order
-- of their own only where no header speaks for it, and where they say when it was
-- placed. int_order_exclusions names the others.
documents as (

    select
        orders.source,
        orders.id_space,
        coalesce(lines_added.delivery_id, orders.delivery_id) as delivery_id,
        orders.order_id,
        orders.original_order_id,
        coalesce(
            {{ customer_identifier('orders.customer_id', 'orders.id_space') }},
            {{ email_identifier('orders.email_key') }},
            {{ loyalty_identifier('orders.loyalty_id', 'orders.id_space') }},
            lines_added.identifier
        ) as identifier,
        orders.ordered_at,
        coalesce(lines_added.currency, orders.currency) as currency,
        orders.status as source_status,
        orders.document_type,
        coalesce(orders.gross_amount, lines_added.delivered_amount)
            as delivered_amount,
        case
            when orders.gross_amount is null then lines_added.positive_amount
            else greatest(orders.gross_amount, 0)
        end as positive_amount,
        case
            when orders.gross_amount is null then lines_added.negative_amount
            else greatest(-orders.gross_amount, 0)
        end as negative_amount,
        coalesce(
            nullif(orders.discount_amount, 0), lines_added.discount_amount, 0
        ) as discount_amount,
        coalesce(nullif(orders.refund_amount, 0), lines_added.refund_amount, 0)
            as recorded_refund_amount,
        coalesce(orders.adjustment_amount, 0) as adjustment_amount,
        coalesce(orders.tax_amount, 0) as tax_amount,
        coalesce(orders.shipping_amount, 0) as shipping_amount,
        orders.is_test,
        coalesce(
            orders.cancelled_at is not null
            or orders.status in ('cancelled', 'canceled', 'voided', 'abandoned'),
            false
        ) as is_cancelled,
        coalesce(orders.status in ('pending', 'authorized'), false) as is_pending,
        orders.channel,
        orders.location_id,
        orders.country,
        orders.discount_code,
        orders.campaign_id,
        orders.is_member as is_member_recorded
    from orders
    -- the id only of orders that state no amount, as an equality, which engines join by
    left join lines_added
        on
            orders.source = lines_added.source
            and case when orders.gross_amount is null then orders.order_id end
            = lines_added.order_id
    where
        orders.gross_amount is not null
        or lines_added.order_id is not null

    union all

    select
        lines_added.source,
        lines_added.id_space,
        lines_added.delivery_id,
        lines_added.order_id,
        cast(null as string) as original_order_id,
        lines_added.identifier,
        lines_added.ordered_at,
        lines_added.currency,
        cast(null as string) as source_status,
        lines_added.document_type,
        lines_added.delivered_amount,
        lines_added.positive_amount,
        lines_added.negative_amount,
        lines_added.discount_amount,
        lines_added.refund_amount as recorded_refund_amount,
        0 as adjustment_amount,
        0 as tax_amount,
        0 as shipping_amount,
        lines_added.is_test,
        false as is_cancelled,
        false as is_pending,
        lines_added.channel,
        lines_added.location_id,
        lines_added.country,
        cast(null as string) as discount_code,
        cast(null as string) as campaign_id,
        cast(null as boolean) as is_member_recorded
    from lines_added
    left join orders
        on
            lines_added.source = orders.source
            and lines_added.order_id = orders.order_id
    where
        orders.order_id is null
        and lines_added.ordered_at is not null

),

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

-- The shop's own word on refunds comes first; a payment provider's fills its silence. A
-- zero is silence, too: an export writes it before there is anything to give back.
refunds_known as (

    select
        documents.source,
        documents.order_id,
        documents.currency,
        documents.is_cancelled and documents.document_type = 'sale'
            as is_cancelled_sale,
        documents.negative_amount,
        coalesce(
            nullif(documents.recorded_refund_amount, 0),
            {{ goods_refunded(
                'payment_refunds.refunded_amount',
                '(documents.positive_amount - documents.discount_amount)',
                'documents.tax_amount',
                '(documents.positive_amount - documents.discount_amount'
                ' + documents.tax_amount + documents.shipping_amount)',
            ) }}
        ) as known_refund_amount
    from documents
    left join payment_refunds
        on
            documents.id_space = payment_refunds.id_space
            and documents.order_id = payment_refunds.order_id
            and documents.currency = payment_refunds.currency

),

-- Cancelled and nothing ever given back: nothing was ever paid.
payments_known as (

    select
        source,
        order_id,
        currency,
        known_refund_amount,
        is_cancelled_sale and known_refund_amount + negative_amount = 0
            as is_never_paid
    from refunds_known

),

final as (

    select
        documents.source,
        documents.id_space,
        documents.delivery_id,
        documents.order_id,
        documents.original_order_id,
        documents.identifier,
        documents.ordered_at,
        documents.currency,
        documents.delivered_amount,
        documents.tax_amount,
        documents.shipping_amount,
        documents.source_status,
        documents.document_type,
        documents.is_test,
        payments_known.is_never_paid,
        documents.is_pending,
        documents.channel,
        documents.location_id,
        documents.country,
        documents.discount_code,
        documents.campaign_id,
        documents.is_member_recorded,
        case documents.document_type
            when 'sale' then documents.positive_amount
            else 0
        end as gross_amount,
        case documents.document_type
            when 'sale' then documents.discount_amount
            else 0
        end as discount_amount,
        case
            when payments_known.is_never_paid
                then documents.positive_amount - documents.discount_amount
            when documents.document_type = 'sale'
                then payments_known.known_refund_amount + documents.negative_amount
            when documents.document_type = 'adjustment' then 0
            -- a credit document states its amount with or without a minus sign, or in
            -- the refund column only
            when documents.delivered_amount = 0 then payments_known.known_refund_amount
            else abs(documents.delivered_amount)
        end as refund_amount,
        case documents.document_type
            when 'adjustment'
                then documents.delivered_amount + documents.adjustment_amount
            when 'sale' then documents.adjustment_amount
            else 0
        end as adjustment_amount
    from documents
    inner join payments_known
        on
            documents.source = payments_known.source
            and documents.order_id = payments_known.order_id
            and documents.currency = payments_known.currency

)

select * from final
