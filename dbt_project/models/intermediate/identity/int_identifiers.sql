with

sightings as (

    select * from {{ ref('int_identifier_sightings') }}

),

mentions as (

    select * from {{ ref('int_identity_mentions') }}

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

addresses_by_space as (

    select
        email_key,
        id_space,
        count(distinct customer_id) as customer_count
    from mentions
    where email_key is not null and customer_id is not null
    group by email_key, id_space

),

cards_by_space as (

    select
        loyalty_id,
        id_space,
        count(distinct customer_id) as customer_count
    from mentions
    where loyalty_id is not null and customer_id is not null
    group by loyalty_id, id_space

),

devices as (

    select
        anonymous_id,
        id_space,
        count(distinct customer_id) as customer_count,
        count(distinct email_key) as address_count
    from mentions
    where anonymous_id is not null
    group by anonymous_id, id_space

),

-- Three accounts with one address or card may be one forgetful person; more is a till,
-- a family or a test address. A device is no evidence that two logins are one person.
shared as (

    select
        {{ email_identifier('email_key') }} as identifier,
        'address of more than three customers' as guard_reason
    from addresses_by_space
    group by email_key
    having max(customer_count) > 3

    union all

    select
        {{ loyalty_identifier('loyalty_id') }} as identifier,
        'card of more than three customers' as guard_reason
    from cards_by_space
    where customer_count > 3

    union all

    select
        {{ anonymous_identifier('anonymous_id') }} as identifier,
        'device of several customers' as guard_reason
    from devices
    where customer_count > 1 or address_count > 1

),

final as (

    select
        combined.identifier,
        combined.id_space,
        combined.identifier_type,
        combined.identifier_value,
        ranked_sources.source,
        combined.first_seen_at,
        combined.last_seen_at,
        combined.has_order,
        case when combined.is_role then 'role mailbox' else shared.guard_reason end
            as guard_reason,
        combined.is_role or shared.guard_reason is not null as is_guarded
    from combined
    inner join ranked_sources
        on
            combined.identifier = ranked_sources.identifier
            and ranked_sources.source_rank = 1
    left join shared
        on combined.identifier = shared.identifier

)

select * from final
