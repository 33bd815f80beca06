with

source as (

    select * from {{ source('hubspot', 'contacts') }}

),

split as (

    select
        source,
        id_space,
        delivery_id,
        contact_id,
        delivery_row,
        occurrence,
        updated_at,
        {{ split_to_rows('merged_contact_ids', ';') }} as merged_contact_id
    from source
    where merged_contact_ids is not null

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        contact_id,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- timestamps
        updated_at,

        ---------- categorised
        trim(merged_contact_id) as merged_contact_id
    from split
    -- a trailing semicolon leaves an empty part, which is no contact
    where trim(merged_contact_id) != ''

)

select * from renamed
