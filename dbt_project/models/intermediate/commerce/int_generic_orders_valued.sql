with

orders as (

    select * from {{ ref('stg_generic__orders') }}

),

order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}

),

payments as (

    select * from {{ ref('stg_generic__payments') }}

),

headers as (

    select
        source,
        id_space,
        delivery_id,
        order_id,
        original_order_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }},
            {{ loyalty_identifier('loyalty_id') }}
        ) as identifier,
        ordered_at,
        currency,
        status as source_status,
        document_type,
        gross_amount as delivered_amount,
        greatest(gross_amount, 0) as positive_amount,
        greatest(-gross_amount, 0) as negative_amount,
        coalesce(discount_amount, 0) as discount_amount,
        refund_amount as recorded_refund_amount,
        coalesce(adjustment_amount, 0) as adjustment_amount,
        coalesce(tax_amount, 0) as tax_amount,
        coalesce(shipping_amount, 0) as shipping_amount,
        is_test,
        coalesce(
            cancelled_at is not null
            or status in ('cancelled', 'canceled', 'voided', 'abandoned'),
            false
        ) as is_cancelled,
        coalesce(status in ('pending', 'authorized'), false) as is_pending,
        channel,
        location_id,
        country,
        discount_code,
        campaign_id,
        is_member as is_member_recorded
    from orders

),

-- Lines are an order only where no header speaks for it, and where they say when it was
-- placed; int_order_exclusions names the others.
lines_without_header as (

    select order_lines.*
    from order_lines
    left join orders
        on
            order_lines.source = orders.source
            and order_lines.order_id = orders.order_id
    where orders.order_id is null

),

lines_summed as (

    select
        source,
        id_space,
        min(delivery_id) as delivery_id,
        order_id,
        cast(null as string) as original_order_id,
        coalesce(
            {{ customer_identifier('min(customer_id)') }},
            {{ email_identifier('min(email_key)') }}
        ) as identifier,
        min(ordered_at) as ordered_at,
        currency,
        cast(null as string) as source_status,
        min(document_type) as document_type,
        sum(amount) as delivered_amount,
        sum(greatest(amount, 0)) as positive_amount,
        sum(greatest(-amount, 0)) as negative_amount,
        sum(discount_amount) as discount_amount,
        sum(refund_amount) as recorded_refund_amount,
        0 as adjustment_amount,
        0 as tax_amount,
        0 as shipping_amount,
        bool_or(is_test) as is_test,
        false as is_cancelled,
        false as is_pending,
        min(channel) as channel,
        min(location_id) as location_id,
        min(country) as country,
        cast(null as string) as discount_code,
        cast(null as string) as campaign_id,
        cast(null as boolean) as is_member_recorded
    from lines_without_header
    group by source, id_space, order_id, currency
    having min(ordered_at) is not null

),

documents as (

    select * from headers
    union all
    select * from lines_summed

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

-- The shop's own word on refunds comes first; a payment provider's fills its silence.
refunds_known as (

    select
        documents.*,
        coalesce(
            documents.recorded_refund_amount,
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
payment_known as (

    select
        refunds_known.*,
        refunds_known.is_cancelled
        and refunds_known.document_type = 'sale'
        and refunds_known.known_refund_amount + refunds_known.negative_amount = 0
            as is_never_paid
    from refunds_known

),

final as (

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
        case document_type when 'sale' then positive_amount else 0 end as gross_amount,
        case document_type when 'sale' then discount_amount else 0 end
            as discount_amount,
        case
            when is_never_paid then positive_amount - discount_amount
            when document_type = 'sale' then known_refund_amount + negative_amount
            when document_type = 'adjustment' then 0
            -- a credit document states its amount with or without a minus sign, or as refund
            when delivered_amount = 0 then known_refund_amount
            when negative_amount = 0 and source_status is not null then delivered_amount
            else -delivered_amount
        end as refund_amount,
        case document_type
            when 'adjustment' then delivered_amount + adjustment_amount
            when 'sale' then adjustment_amount
            else 0
        end as adjustment_amount,
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
    from payment_known

)

select * from final
