with

source as (

    select * from {{ source('generic', 'products') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        product_id,

        ---------- strings
        source_zone,
        product_name,
        category,
        brand,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        price,

        ---------- booleans
        is_active,

        ---------- timestamps
        updated_at
    from source

)

select * from renamed
