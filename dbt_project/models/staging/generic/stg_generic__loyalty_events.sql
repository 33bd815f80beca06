with

source as (

    select * from {{ source('generic', 'loyalty_events') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        event_id,
        loyalty_id,
        customer_id,
        email_key,
        order_id,

        ---------- strings
        source_zone,
        kind,
        tier,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        points,
        value_amount,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at
    from source

)

select * from renamed
