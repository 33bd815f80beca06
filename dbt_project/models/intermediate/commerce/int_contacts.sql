with

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

generic_contacts as (

    select * from {{ ref('stg_generic__contacts') }}

),

accounts as (

    select * from {{ ref('stg_generic__accounts') }}

),

contacts as (

    select
        source,
        id_space,
        delivery_id,
        contact_id,
        account_id,
        email_key,
        email_is_role,
        phone_key,
        coalesce(first_name_key, last_name_key) as name_key,
        cast(null as string) as address_key,
        cast(null as string) as loyalty_id,
        lifecycle_stage,
        acquisition_channel,
        -- not opted out is no permission: HubSpot sets it for everybody
        case when is_opted_out then 'denied' else 'unknown' end as email_consent,
        country,
        cast(null as string) as region,
        industry,
        cast(null as string) as language,
        cast(null as string) as owner_team,
        is_deleted,
        created_at,
        updated_at
    from hubspot_contacts

    union all

    select
        source,
        id_space,
        delivery_id,
        contact_id,
        account_id,
        email_key,
        email_is_role,
        phone_key,
        coalesce(first_name_key, last_name_key) as name_key,
        address_key,
        loyalty_id,
        lifecycle_stage,
        acquisition_channel,
        coalesce(email_consent, 'unknown') as email_consent,
        country,
        region,
        industry,
        language,
        owner_team,
        is_deleted,
        created_at,
        updated_at
    from generic_contacts

),

-- Instances that share an id_space may both list an account; the first by name that
-- knows a thing says it. A removed account says nothing.
described_accounts as (

    select
        id_space,
        account_id,
        min_by(industry, case when industry is not null then source end) as industry,
        min_by(country, case when country is not null then source end) as country
    from accounts
    where not is_deleted
    group by
        id_space,
        account_id

),

final as (

    select
        contacts.source,
        contacts.id_space,
        contacts.delivery_id,
        contacts.contact_id,
        {{ customer_identifier('contacts.contact_id', 'contacts.id_space') }}
            as identifier,
        contacts.account_id,
        contacts.email_key,
        contacts.email_is_role,
        contacts.phone_key,
        contacts.name_key,
        contacts.address_key,
        contacts.loyalty_id,
        contacts.lifecycle_stage,
        contacts.acquisition_channel,
        contacts.email_consent,
        coalesce(contacts.country, described_accounts.country) as country,
        contacts.region,
        coalesce(contacts.industry, described_accounts.industry) as industry,
        contacts.language,
        contacts.owner_team,
        contacts.is_deleted,
        contacts.created_at,
        contacts.updated_at
    from contacts
    left join described_accounts
        on
            contacts.id_space = described_accounts.id_space
            and contacts.account_id = described_accounts.account_id

)

select * from final
