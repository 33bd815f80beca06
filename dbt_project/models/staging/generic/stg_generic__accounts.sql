with

source as (

    select * from {{ source('generic', 'accounts') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        account_id,
        account_name_key,
        parent_account_id,

        ---------- strings
        source_zone,
        industry,
        country,

        ---------- numerics
        delivery_row,
        occurrence,
        employee_count,

        ---------- timestamps
        created_at,
        updated_at,

        ---------- categorised
        coalesce(is_deleted, false) as is_deleted
    from source

)

select * from renamed
