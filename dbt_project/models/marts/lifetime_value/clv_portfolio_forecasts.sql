with

totals as (

    select * from {{ ref('stg_estimates__lifetime_value_totals') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

final as (

    select
        ---------- strings
        totals.model,

        ---------- numerics
        cast(totals.horizon_days as integer) as horizon_days,
        totals.expected_orders,
        totals.expected_orders_low,
        totals.expected_orders_high,
        cast(totals.origin_count as integer) as origin_count,

        ---------- dates
        run_parameters.as_of
    from totals
    cross join run_parameters

)

select * from final
