with

source as (

    select * from {{ source('run', 'deliveries') }}

),

renamed as (

    select
        ---------- ids
        delivery_id,
        source,

        ---------- strings
        object,
        file_name,
        sha256,
        status,
        reason as status_reason,

        ---------- numerics
        rows_in_file,
        rows_filtered,
        rows_delivered,
        rows_accepted,
        rows_quarantined,
        rows_duplicate,

        ---------- timestamps
        received_at,
        data_from,
        data_through
    from source

)

select * from renamed
