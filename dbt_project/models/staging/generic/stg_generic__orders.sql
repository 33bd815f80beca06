with

source as (

    select * from {{ source('generic', 'orders') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        order_id,
        customer_id,
        email_key,
        phone_key,
        loyalty_id,
        original_order_id,
        location_id,
        campaign_id,

        ---------- strings
        source_zone,
        currency,
        discount_code,
        country,

        ---------- numerics
        delivery_row,
        occurrence,
        gross_amount,
        tax_amount,
        shipping_amount,

        ---------- booleans
        email_is_role,
        is_member,

        ---------- timestamps
        ordered_at,
        updated_at,
        cancelled_at,

        ---------- categorised
        lower(status) as status,
        coalesce(document_type, 'sale') as document_type,
        lower(channel) as channel,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(refund_amount, 0) as refund_amount,
        coalesce(adjustment_amount, 0) as adjustment_amount,
        coalesce(is_test, false) as is_test
    from source

)

select * from renamed
