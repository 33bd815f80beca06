with

identity_exclusions as (

    select * from {{ ref('stg_estimates__identity_exclusions') }}

),

identifiers as (

    select * from {{ ref('int_identifiers') }}

),

decisions as (

    select * from {{ ref('stg_run__identity_decisions') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- A decision about an identifier that nobody delivered yet decides nothing.
idle_decisions as (

    select
        decisions.left_identifier,
        decisions.right_identifier,
        decisions.decision
    from decisions
    left join identifiers as left_identifiers
        on decisions.left_identifier = left_identifiers.identifier
    left join identifiers as right_identifiers
        on decisions.right_identifier = right_identifiers.identifier
    where
        left_identifiers.identifier is null
        or right_identifiers.identifier is null

),

combined as (

    select
        identifier,
        other_identifier,
        source,
        evidence,
        reason,
        observed_at,
        case when other_identifier is null then 'identifier' else 'evidence' end
            as kind
    from identity_exclusions

    union

    select
        left_identifier as identifier,
        right_identifier as other_identifier,
        'rapport.yml' as source,
        'decision_' || decision as evidence,
        'decision about an identifier that nobody delivered' as reason,
        cast(null as timestamp) as observed_at,
        'decision' as kind
    from idle_decisions

),

final as (

    select
        ---------- ids
        combined.identifier,
        combined.other_identifier,
        combined.source,

        ---------- strings
        combined.kind,
        combined.reason,
        combined.evidence,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        combined.observed_at,

        ---------- calculated
        {{ sha256_hex(
            "combined.identifier || chr(31) || coalesce(combined.other_identifier, '')"
            " || chr(31) || coalesce(combined.source, '') || chr(31)"
            " || coalesce(combined.evidence, '') || chr(31) || combined.reason"
            " || chr(31) || coalesce(cast(combined.observed_at as string), '')"
        ) }} as exclusion_id,
        'c' || substr({{ sha256_hex('combined.identifier') }}, 1, 20)
            as earlier_customer_id
    from combined
    cross join run_parameters

)

select * from final
