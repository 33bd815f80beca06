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
        line_sku as product_id,

        ---------- strings
        source_zone,
        line_name as product_name,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        line_quantity as quantity,
        line_price as unit_price,
        line_discount as line_discount_amount,
        line_amount as amount
    from source

)

select * from renamed
