with

source as (

    select * from {{ source('generic', 'contacts') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        contact_id,
        email_key,
        phone_key,
        first_name_key,
        last_name_key,
        address_key,
        account_id,
        loyalty_id,
        merged_into_contact_id,

        ---------- strings
        source_zone,
        email_consent,
        country,
        region,
        industry,
        language,
        owner_team,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        created_at,
        updated_at,

        ---------- categorised
        lower(lifecycle_stage) as lifecycle_stage,
        lower(acquisition_channel) as acquisition_channel,
        coalesce(is_deleted, false) as is_deleted
    from source

)

select * from renamed
