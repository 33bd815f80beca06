with

source as (

    select * from {{ source('hubspot', 'contacts') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        contact_id,
        email_key,
        additional_emails_keys,
        additional_emails_role_keys,
        phone_key,
        first_name_key,
        last_name_key,
        account_id,

        ---------- strings
        source_zone,
        country,
        industry,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- booleans
        email_is_role,
        is_opted_out,

        ---------- timestamps
        created_at,
        updated_at,

        ---------- categorised
        lower(lifecycle_stage) as lifecycle_stage,
        -- the words that sessions use for the same
        case lower(acquisition_channel)
            when 'email_marketing' then 'email'
            when 'direct_traffic' then 'direct'
            when 'referrals' then 'referral'
            when 'social_media' then 'social'
            when 'other_campaigns' then 'other'
            else lower(acquisition_channel)
        end as acquisition_channel,
        coalesce(is_deleted, false) as is_deleted
    from source

)

select * from renamed
