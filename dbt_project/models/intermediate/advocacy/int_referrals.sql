with

generic_referrals as (

    select * from {{ ref('stg_generic__referrals') }}

),

final as (

    select
        ---------- ids
        source,
        referral_id,
        delivery_id,
        coalesce(
            id_space || '|customer|' || customer_id, 'any|email|' || email_key
        ) as identifier,
        coalesce(
            id_space || '|customer|' || referred_customer_id,
            'any|email|' || referred_email_key
        ) as referred_identifier,
        order_id,

        ---------- strings
        status,
        channel,

        ---------- booleans
        status = 'converted' as is_converted,

        ---------- timestamps
        created_at,
        converted_at
    from generic_referrals

)

select * from final
