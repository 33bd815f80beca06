with

source as (

    select * from {{ source('generic', 'referrals') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        referral_id,
        customer_id,
        email_key,
        referred_customer_id,
        referred_email_key,
        order_id,

        ---------- strings
        source_zone,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- booleans
        email_is_role,
        referred_email_is_role,

        ---------- timestamps
        created_at,
        converted_at,
        updated_at,

        ---------- categorised
        coalesce(status, 'sent') as status,
        lower(channel) as channel
    from source

)

select * from renamed
