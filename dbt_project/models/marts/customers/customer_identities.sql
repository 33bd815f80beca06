with

sightings as (

    select * from {{ ref('int_identifier_sightings') }}

),

edges as (

    select * from {{ ref('int_identity_edges') }}

),

exclusions as (

    select * from {{ ref('stg_estimates__identity_exclusions') }}

),

contacts as (

    select * from {{ ref('int_contacts') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

excluded_pairs as (

    select distinct
        source,
        evidence,
        least(identifier, other_identifier) as first_identifier,
        greatest(identifier, other_identifier) as second_identifier
    from exclusions
    where other_identifier is not null

),

-- Evidence that a guard took out joins nobody, so it is not why anybody is a customer.
accepted_edges as (

    select
        edges.left_identifier,
        edges.right_identifier,
        edges.evidence,
        edges.strength,
        edges.observed_at
    from edges
    left join excluded_pairs
        on
            least(edges.left_identifier, edges.right_identifier)
            = excluded_pairs.first_identifier
            and greatest(edges.left_identifier, edges.right_identifier)
            = excluded_pairs.second_identifier
            and edges.source = excluded_pairs.source
            and edges.evidence = excluded_pairs.evidence
    where
        excluded_pairs.first_identifier is null
        and edges.evidence != 'decision_do_not_merge'

),

edge_ends as (

    select
        left_identifier as identifier,
        evidence,
        strength,
        observed_at
    from accepted_edges

    union all

    select
        right_identifier as identifier,
        evidence,
        strength,
        observed_at
    from accepted_edges

),

ranked_evidence as (

    select
        identifier,
        evidence,
        strength,
        row_number() over (
            partition by identifier
            order by
                strength desc,
                coalesce(observed_at, timestamp '1970-01-01') asc,
                evidence asc
        ) as evidence_rank
    from edge_ends

),

-- A record that its source removed no longer speaks for the person.
removed_contacts as (

    select
        contacts.source,
        contacts.identifier,
        contacts.updated_at as removed_at
    from contacts
    cross join run_parameters
    where
        contacts.is_deleted
        and {{ local_date('contacts.updated_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

-- An identifier that belongs to nobody (a browser that never did anything but look) has
-- no customer and no row. One that changed hands has a row for each customer in whose
-- time the source saw it.
owned as (

    select
        sightings.source,
        sightings.id_space,
        sightings.identifier,
        sightings.identifier_value,
        sightings.identifier_type,
        identity_assignments.node,
        identity_assignments.customer_id,
        identity_assignments.valid_to,
        coalesce(
            greatest(sightings.first_seen_at, identity_assignments.valid_from),
            sightings.first_seen_at,
            identity_assignments.valid_from,
            timestamp '1970-01-01 00:00:00'
        ) as valid_from
    from sightings
    inner join identity_assignments
        on sightings.identifier = identity_assignments.identifier
    where
        (
            identity_assignments.valid_to is null
            or sightings.first_seen_at is null
            or sightings.first_seen_at < identity_assignments.valid_to
        )
        and (
            identity_assignments.valid_from is null
            or sightings.last_seen_at is null
            or sightings.last_seen_at >= identity_assignments.valid_from
        )

),

final as (

    select
        ---------- ids
        owned.source,
        owned.id_space,
        owned.identifier_value as identifier,
        owned.customer_id,

        ---------- strings
        owned.identifier_type,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        owned.valid_from,

        ---------- calculated
        case
            when
                removed_contacts.removed_at
                < coalesce(owned.valid_to, timestamp '9999-12-31 00:00:00')
                then removed_contacts.removed_at
            else owned.valid_to
        end as valid_to,
        cast(coalesce(ranked_evidence.strength, 1) as decimal(3, 2))
            as evidence_strength,
        coalesce(ranked_evidence.evidence, 'own record') as evidence,
        -- a customer's id is made from the oldest node: every id that an earlier
        -- release gave to a part of this customer stands beside an identifier
        'c' || substr({{ sha256_hex('owned.node') }}, 1, 20) as earlier_customer_id
    from owned
    cross join run_parameters
    left join ranked_evidence
        on
            owned.identifier = ranked_evidence.identifier
            and ranked_evidence.evidence_rank = 1
    left join removed_contacts
        on
            owned.source = removed_contacts.source
            and owned.identifier = removed_contacts.identifier

)

select * from final
