with

sightings as (

    select * from {{ ref('int_identifier_sightings') }}

),

mentions as (

    select * from {{ ref('int_identity_mentions') }}

),

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

generic_contacts as (

    select * from {{ ref('stg_generic__contacts') }}

),

combined as (

    select
        identifier,
        id_space,
        identifier_type,
        identifier_value,
        bool_or(is_role) as is_role,
        bool_or(has_order) as has_order,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from sightings
    group by identifier, id_space, identifier_type, identifier_value

),

-- the instance that saw it first; where several did at once, the first by name
ranked_sources as (

    select
        identifier,
        source,
        row_number() over (
            partition by identifier
            order by coalesce(first_seen_at, timestamp '1970-01-01'), source
        ) as source_rank
    from sightings

),

customers_of_identifiers as (

    select
        {{ email_identifier('email_key') }} as identifier,
        id_space,
        customer_id
    from mentions
    where email_key is not null and customer_id is not null

    union

    select
        {{ loyalty_identifier('loyalty_id') }} as identifier,
        id_space,
        customer_id
    from mentions
    where loyalty_id is not null and customer_id is not null

    union

    select
        {{ survey_person_identifier('survey_person_id') }} as identifier,
        id_space,
        customer_id
    from mentions
    where survey_person_id is not null and customer_id is not null

    union

    select
        {{ anonymous_identifier('anonymous_id') }} as identifier,
        id_space,
        customer_id
    from mentions
    where anonymous_id is not null and customer_id is not null

),

customer_counts as (

    select
        identifier,
        id_space,
        count(*) as customer_count
    from customers_of_identifiers
    group by identifier, id_space

),

-- Whoever has so many customers is a till, a kiosk or a test: nothing about it has to
-- be looked at more closely. Fewer may be merged records of one person: identity
-- estimation decides.
crowded as (

    select identifier
    from customer_counts
    group by identifier
    having max(customer_count) > 20

),

contacts as (

    select
        id_space,
        contact_id,
        first_name_key,
        last_name_key,
        updated_at,
        source
    from hubspot_contacts

    union all

    select
        id_space,
        contact_id,
        first_name_key,
        last_name_key,
        updated_at,
        source
    from generic_contacts

),

-- Half a name is no name: a family shares it.
ranked_contacts as (

    select
        {{ customer_identifier('contact_id') }} as identifier,
        first_name_key || last_name_key as name_key,
        row_number() over (
            partition by id_space, contact_id
            order by
                coalesce(updated_at, timestamp '1970-01-01') desc, source asc
        ) as contact_rank
    from contacts

),

described as (

    select
        combined.identifier,
        combined.id_space,
        combined.identifier_type,
        combined.identifier_value,
        ranked_sources.source,
        ranked_contacts.name_key,
        combined.first_seen_at,
        combined.last_seen_at,
        combined.has_order,
        ranked_contacts.identifier is not null as is_contact,
        case
            when combined.is_role then 'role mailbox'
            when crowded.identifier is not null then 'shared by more than 20 customers'
        end as guard_reason
    from combined
    inner join ranked_sources
        on
            combined.identifier = ranked_sources.identifier
            and ranked_sources.source_rank = 1
    left join crowded
        on combined.identifier = crowded.identifier
    left join ranked_contacts
        on
            combined.identifier = ranked_contacts.identifier
            and ranked_contacts.contact_rank = 1

),

-- Numbers that the resolution of identities compares instead of texts, made once.
final as (

    select
        *,
        {{ row_hash(['identifier']) }} as identifier_key,
        {{ row_hash([
            'identifier',
            'identifier_type',
            'id_space',
            'name_key',
            'is_contact',
            'has_order',
            'guard_reason',
            'first_seen_at',
        ]) }} as row_hash
    from described

)

select * from final
