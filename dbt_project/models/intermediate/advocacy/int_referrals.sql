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
        order_id,

        ---------- strings
        status,
        channel,

        ---------- timestamps
        created_at,
        converted_at,

        ---------- calculated
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier,
        coalesce(
            {{ customer_identifier('referred_customer_id') }},
            {{ email_identifier('referred_email_key') }}
        ) as referred_identifier,
        status = 'converted' as is_converted
    from generic_referrals

)

select * from final
