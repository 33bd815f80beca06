with

deliveries as (

    select * from {{ ref('stg_run__deliveries') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

final as (

    select
        ---------- ids
        deliveries.delivery_id,
        deliveries.source,

        ---------- strings
        deliveries.object,
        deliveries.file_name,
        deliveries.sha256,
        deliveries.status,
        deliveries.status_reason,

        ---------- numerics
        deliveries.rows_in_file,
        deliveries.rows_filtered,
        deliveries.rows_delivered,
        deliveries.rows_accepted,
        deliveries.rows_quarantined,
        deliveries.rows_duplicate,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        deliveries.received_at,
        deliveries.data_from,
        deliveries.data_through
    from deliveries
    cross join run_parameters

)

select * from final
