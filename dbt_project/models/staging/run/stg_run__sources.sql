with

source as (

    select * from {{ source('run', 'sources') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,

        ---------- strings
        vendor,

        ---------- booleans
        is_required,
        is_commerce
    from source

)

select * from renamed
