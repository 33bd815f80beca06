with

contacts as (

    select * from {{ ref('int_contacts') }}

),

identifiers as (

    select * from {{ ref('int_identifiers') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- Several records of one person: the newest that still exists speaks for the person.
ranked_contacts as (

    select
        identity_assignments.customer_id,
        contacts.lifecycle_stage,
        contacts.acquisition_channel,
        contacts.account_id,
        contacts.country,
        contacts.region,
        contacts.industry,
        contacts.language,
        contacts.owner_team,
        contacts.phone_key,
        contacts.name_key,
        contacts.address_key,
        contacts.created_at,
        row_number() over (
            partition by identity_assignments.customer_id
            order by
                contacts.is_deleted asc,
                coalesce(
                    contacts.updated_at, contacts.created_at, timestamp '1970-01-01'
                ) desc,
                contacts.source asc,
                contacts.contact_id asc
        ) as newest_rank,
        row_number() over (
            partition by identity_assignments.customer_id
            order by
                case when contacts.acquisition_channel is null then 1 else 0 end,
                coalesce(contacts.created_at, timestamp '9999-12-31'),
                contacts.source,
                contacts.contact_id
        ) as won_rank
    from contacts
    cross join run_parameters
    inner join identity_assignments
        on
            contacts.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'contacts.created_at') }}
    -- a contact recorded after the run's day is not known yet
    where
        contacts.created_at is null
        or {{ local_date('contacts.created_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

contacts_combined as (

    select
        customer_id,
        count(*) as contact_count,
        max(case when newest_rank = 1 then lifecycle_stage end) as lifecycle_stage,
        max(case when won_rank = 1 then acquisition_channel end)
            as acquisition_channel,
        max(case when newest_rank = 1 then account_id end) as account_id,
        max(case when newest_rank = 1 then country end) as country,
        max(case when newest_rank = 1 then region end) as region,
        max(case when newest_rank = 1 then industry end) as industry,
        max(case when newest_rank = 1 then language end) as language,
        max(case when newest_rank = 1 then owner_team end) as owner_team,
        bool_or(phone_key is not null) as has_phone,
        bool_or(name_key is not null) as has_name,
        bool_or(address_key is not null) as has_address
    from ranked_contacts
    group by customer_id

),

customers as (

    select
        identity_assignments.customer_id,
        count(*) as identifier_count,
        count(distinct identifiers.source) as source_count,
        bool_or(identifiers.identifier_type = 'email') as has_email,
        min(identifiers.first_seen_at) as first_seen_at
    from identity_assignments
    inner join identifiers
        on identity_assignments.identifier = identifiers.identifier
    group by identity_assignments.customer_id

),

final as (

    select
        ---------- ids
        customers.customer_id,
        contacts_combined.account_id,

        ---------- strings
        contacts_combined.lifecycle_stage,
        contacts_combined.acquisition_channel,
        contacts_combined.country,
        contacts_combined.region,
        contacts_combined.industry,
        contacts_combined.language,
        contacts_combined.owner_team,

        ---------- numerics
        customers.identifier_count,
        customers.source_count,

        ---------- booleans
        customers.has_email,

        ---------- timestamps
        customers.first_seen_at,

        ---------- calculated
        coalesce(contacts_combined.contact_count, 0) as contact_count,
        coalesce(contacts_combined.has_phone, false) as has_phone,
        coalesce(contacts_combined.has_name, false) as has_name,
        coalesce(contacts_combined.has_address, false) as has_address
    from customers
    left join contacts_combined
        on customers.customer_id = contacts_combined.customer_id

)

select * from final
