with

source as (

    select * from {{ source('estimates', 'identity_assignments') }}

),

renamed as (

    select
        ---------- ids
        identifier,
        node,
        customer_id,

        ---------- timestamps
        valid_from,
        valid_to
    from source

)

select * from renamed
