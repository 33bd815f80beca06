with

source as (

    select * from {{ source('estimates', 'identity_assignments') }}

),

renamed as (

    select
        ---------- ids
        identifier,
        customer_id
    from source

)

select * from renamed
