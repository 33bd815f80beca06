with

sightings as (

    select * from {{ ref('int_identifier_sightings') }}

),

edges as (

    select * from {{ ref('int_identity_edges') }}

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

edge_ends as (

    select
        left_identifier as identifier,
        evidence,
        strength,
        observed_at
    from edges

    union all

    select
        right_identifier as identifier,
        evidence,
        strength,
        observed_at
    from edges

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
-- no customer and no row.
final as (

    select
        ---------- ids
        sightings.source,
        sightings.id_space,
        sightings.identifier_value as identifier,
        identity_assignments.customer_id,

        ---------- strings
        sightings.identifier_type,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        removed_contacts.removed_at as valid_to,

        ---------- calculated
        cast(coalesce(ranked_evidence.strength, 1) as decimal(3, 2))
            as evidence_strength,
        coalesce(ranked_evidence.evidence, 'own record') as evidence,
        coalesce(sightings.first_seen_at, timestamp '1970-01-01 00:00:00')
            as valid_from,
        -- a customer's id is made from the oldest identifier: every id that an earlier
        -- release gave to a part of this customer stands beside an identifier
        'c' || substr({{ sha256_hex('sightings.identifier') }}, 1, 20)
            as earlier_customer_id
    from sightings
    cross join run_parameters
    inner join identity_assignments
        on sightings.identifier = identity_assignments.identifier
    left join ranked_evidence
        on
            sightings.identifier = ranked_evidence.identifier
            and ranked_evidence.evidence_rank = 1
    left join removed_contacts
        on
            sightings.source = removed_contacts.source
            and sightings.identifier = removed_contacts.identifier

)

select * from final
