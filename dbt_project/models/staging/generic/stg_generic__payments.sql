with

source as (

    select * from {{ source('generic', 'payments') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        payment_id,
        order_id,
        parent_payment_id,
        customer_id,
        email_key,

        ---------- strings
        source_zone,
        kind,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        amount,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        processed_at,
        updated_at,

        ---------- categorised
        coalesce(status, 'success') as status,
        coalesce(is_test, false) as is_test
    from source

)

select * from renamed
