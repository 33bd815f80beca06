with

source as (

    select * from {{ source('generic', 'carts') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        cart_id,
        customer_id,
        email_key,
        anonymous_id,
        order_id,

        ---------- strings
        source_zone,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        amount,
        item_count,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        created_at,
        updated_at,
        completed_at,

        ---------- categorised
        lower(channel) as channel
    from source

)

select * from renamed
