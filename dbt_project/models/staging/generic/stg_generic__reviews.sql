with

source as (

    select * from {{ source('generic', 'reviews') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        review_id,
        customer_id,
        email_key,
        product_id,
        order_id,

        ---------- strings
        source_zone,

        ---------- numerics
        delivery_row,
        occurrence,
        rating,
        body_length,

        ---------- booleans
        email_is_role,
        is_published,

        ---------- timestamps
        created_at,
        updated_at,

        ---------- categorised
        lower(channel) as channel
    from source

)

select * from renamed
