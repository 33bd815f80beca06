{{ config(materialized='view') }}

with

payments as (

    select * from {{ ref('int_payments_judged') }}

),

-- One row per order before anything is joined: a sale and a capture are two parts of
-- one order, not two orders, and a refund is given back once.
summed as (

    select
        id_space,
        order_id,
        currency,
        min(source) as source,
        min(delivery_id) as delivery_id,
        min(identifier) as identifier,
        min(charged_at) as ordered_at,
        sum(amount) as delivered_amount,
        sum(case when kind in ('sale', 'capture') then amount else 0 end)
            as gross_amount,
        sum(case when kind in ('refund', 'chargeback') then amount else 0 end)
            as refund_amount,
        bool_or(is_test) as is_test
    from payments
    -- int_order_exclusions names every payment that this leaves out
    where exclusion_reason is null
    group by id_space, order_id, currency

),

final as (

    select
        source,
        id_space,
        delivery_id,
        order_id,
        cast(null as string) as original_order_id,
        identifier,
        ordered_at,
        currency,
        delivered_amount,
        gross_amount,
        0 as discount_amount,
        refund_amount,
        0 as adjustment_amount,
        -- a payment does not say what of it is tax or shipping
        0 as tax_amount,
        0 as shipping_amount,
        cast(null as string) as source_status,
        'sale' as document_type,
        is_test,
        false as is_never_paid,
        false as is_pending,
        cast(null as string) as channel,
        cast(null as string) as location_id,
        cast(null as string) as country,
        cast(null as string) as discount_code,
        cast(null as string) as campaign_id,
        cast(null as boolean) as is_member_recorded
    from summed

)

select * from final
