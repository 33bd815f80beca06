with

source as (

    select * from {{ source('estimates', 'identity_exclusions') }}

),

renamed as (

    select
        ---------- ids
        identifier,
        other_identifier,
        evidence_source as source,

        ---------- strings
        evidence,
        reason,

        ---------- timestamps
        observed_at
    from source

)

select * from renamed
