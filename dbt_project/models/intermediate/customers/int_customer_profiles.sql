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

-- A contact recorded after the run's day is not known yet; one removed after it still
-- exists.
known_contacts as (

    select
        identity_assignments.customer_id,
        contacts.source,
        contacts.contact_id,
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
        contacts.updated_at,
        contacts.is_deleted
        and coalesce(
            {{ local_date('contacts.updated_at', 'run_parameters.time_zone') }}
            <= run_parameters.as_of,
            true
        ) as is_removed
    from contacts
    cross join run_parameters
    inner join identity_assignments
        on
            contacts.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'contacts.created_at') }}
    where
        contacts.created_at is null
        or {{ local_date('contacts.created_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

contact_counts as (

    select
        customer_id,
        count(*) as contact_count
    from known_contacts
    group by customer_id

),

-- A record that its source removed says nothing any more.
ranked_contacts as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by
                coalesce(updated_at, created_at, timestamp '1970-01-01') desc,
                source asc,
                contact_id asc
        ) as newest_rank,
        row_number() over (
            partition by customer_id
            order by
                coalesce(created_at, timestamp '9999-12-31') asc,
                source asc,
                contact_id asc
        ) as oldest_rank
    from known_contacts
    where not is_removed

),

-- Of several records of one person the newest that knows a thing speaks: what it leaves
-- empty, an older one may still say. How the person was won, the oldest knows.
contacts_combined as (

    select
        customer_id,
        min_by(
            lifecycle_stage, case when lifecycle_stage is not null then newest_rank end
        ) as lifecycle_stage,
        min_by(
            acquisition_channel,
            case when acquisition_channel is not null then oldest_rank end
        ) as acquisition_channel,
        min_by(account_id, case when account_id is not null then newest_rank end)
            as account_id,
        min_by(country, case when country is not null then newest_rank end)
            as country,
        min_by(region, case when region is not null then newest_rank end) as region,
        min_by(industry, case when industry is not null then newest_rank end)
            as industry,
        min_by(language, case when language is not null then newest_rank end)
            as language,
        min_by(owner_team, case when owner_team is not null then newest_rank end)
            as owner_team,
        bool_or(phone_key is not null) as has_phone,
        bool_or(name_key is not null) as has_name,
        bool_or(address_key is not null) as has_address
    from ranked_contacts
    group by customer_id

),

-- Who took an identifier over was seen by it from then on: before that it was somebody
-- else's.
customers as (

    select
        identity_assignments.customer_id,
        count(*) as identifier_count,
        count(distinct identifiers.source) as source_count,
        bool_or(identifiers.identifier_type = 'email') as has_email,
        min(
            case
                when
                    coalesce(
                        identifiers.first_seen_at,
                        timestamp '0001-01-01 00:00:00'
                    )
                    < coalesce(
                        identity_assignments.valid_to,
                        timestamp '9999-12-31 00:00:00'
                    )
                    then
                        greatest(
                            identifiers.first_seen_at,
                            identity_assignments.valid_from
                        )
            end
        ) as first_seen_at
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
        coalesce(contact_counts.contact_count, 0) as contact_count,
        coalesce(contacts_combined.has_phone, false) as has_phone,
        coalesce(contacts_combined.has_name, false) as has_name,
        coalesce(contacts_combined.has_address, false) as has_address
    from customers
    left join contacts_combined
        on customers.customer_id = contacts_combined.customer_id
    left join contact_counts
        on customers.customer_id = contact_counts.customer_id

)

select * from final
