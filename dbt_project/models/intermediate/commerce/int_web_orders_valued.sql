{{ config(materialized='view') }}

with

purchases as (

    select * from {{ ref('int_web_purchases_ranked') }}

),

events as (

    select * from {{ ref('stg_ga4__events') }}

),

refunds as (

    select
        source,
        order_id,
        sum(refund_amount) as refunded_amount
    from events
    where event_name = 'refund' and order_id is not null
    group by source, order_id

),

final as (

    select
        purchases.source,
        purchases.id_space,
        purchases.delivery_id,
        purchases.order_id,
        cast(null as string) as original_order_id,
        purchases.identifier,
        purchases.occurred_at as ordered_at,
        purchases.currency,
        0 as discount_amount,
        0 as adjustment_amount,
        cast(null as string) as source_status,
        'sale' as document_type,
        false as is_test,
        false as is_never_paid,
        false as is_pending,
        'web' as channel,
        cast(null as string) as location_id,
        purchases.country,
        cast(null as string) as discount_code,
        cast(null as string) as campaign_id,
        cast(null as boolean) as is_member_recorded,
        coalesce(purchases.amount, 0) as delivered_amount,
        coalesce(purchases.amount, 0) as gross_amount,
        least(coalesce(refunds.refunded_amount, 0), coalesce(purchases.amount, 0))
            as refund_amount,
        coalesce(purchases.tax_amount, 0) as tax_amount,
        coalesce(purchases.shipping_amount, 0) as shipping_amount
    from purchases
    left join refunds
        on
            purchases.source = refunds.source
            and purchases.order_id = refunds.order_id
    -- int_order_exclusions names every purchase that this leaves out
    where purchases.exclusion_reason is null

)

select * from final
