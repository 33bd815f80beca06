with

calibrations as (

    select * from {{ ref('stg_estimates__lifetime_value_calibrations') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

final as (

    select
        ---------- strings
        calibrations.model,

        ---------- numerics
        cast(calibrations.horizon_days as integer) as horizon_days,
        cast(calibrations.decile as integer) as decile,
        calibrations.customer_count,
        calibrations.predicted_share,
        calibrations.actual_share,

        ---------- dates
        calibrations.origin_date,
        run_parameters.as_of
    from calibrations
    cross join run_parameters

)

select * from final
