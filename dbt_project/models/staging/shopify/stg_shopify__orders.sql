with

source as (

    select * from {{ source('shopify', 'orders') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        order_name as order_id,
        order_id as shopify_order_id,
        email_key,
        phone_key,
        billing_name_key as buyer_name_key,
        location_id,

        ---------- strings
        source_zone,
        lower(financial_status) as financial_status,
        lower(fulfillment_status) as fulfillment_status,
        currency,
        discount_code,
        shipping_country as country,
        lower(sales_channel) as channel,
        tags,

        ---------- numerics
        delivery_row,
        occurrence,
        subtotal_amount,
        shipping_amount,
        tax_amount,
        total_amount,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(refunded_amount, 0) as refunded_amount,
        row_number() over (
            partition by source, order_name
            order by delivery_id, delivery_row, occurrence
        ) as row_in_order,

        ---------- booleans
        email_is_role,
        accepts_marketing,
        coalesce({{ matches('lower(tags)', '(^|[^a-z0-9])test([^a-z0-9]|$)') }}, false)
            as is_test,

        ---------- timestamps
        created_at as ordered_at,
        paid_at,
        cancelled_at
    from source

),

-- Shopify writes the fields of an order beside each of its lines: the first row of the
-- block stands for the order. No order is lost, its further rows are lines.
first_rows as (

    select
        source,
        id_space,
        delivery_id,
        order_id,
        shopify_order_id,
        email_key,
        phone_key,
        buyer_name_key,
        location_id,
        source_zone,
        financial_status,
        fulfillment_status,
        currency,
        discount_code,
        country,
        channel,
        tags,
        delivery_row,
        occurrence,
        subtotal_amount,
        shipping_amount,
        tax_amount,
        total_amount,
        discount_amount,
        refunded_amount,
        email_is_role,
        accepts_marketing,
        is_test,
        ordered_at,
        paid_at,
        cancelled_at
    from renamed
    where row_in_order = 1

)

select * from first_rows
