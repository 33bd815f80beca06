with

source as (

    select * from {{ source('generic', 'order_lines') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        order_id,
        line_id,
        customer_id,
        email_key,
        product_id,
        location_id,

        ---------- strings
        source_zone,
        product_name,
        category,
        currency,
        country,

        ---------- numerics
        delivery_row,
        occurrence,
        quantity,
        unit_price,
        amount,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        ordered_at,

        ---------- categorised
        coalesce(document_type, 'sale') as document_type,
        lower(channel) as channel,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(refund_amount, 0) as refund_amount,
        coalesce(is_test, false) as is_test
    from source

)

select * from renamed
