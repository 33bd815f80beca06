with

backtests as (

    select * from {{ ref('stg_estimates__lifetime_value_backtests') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

final as (

    select
        ---------- strings
        backtests.model,
        backtests.parameters,
        backtests.standard_errors,
        backtests.status,
        backtests.reason,

        ---------- numerics
        cast(backtests.horizon_days as integer) as horizon_days,
        backtests.log_likelihood,
        backtests.customer_count,
        backtests.actual,
        backtests.predicted,
        backtests.mae,
        backtests.rmse,
        backtests.naive_mae,
        backtests.naive_rmse,
        backtests.previous_mae,
        backtests.calibration_error,
        backtests.brier,
        backtests.auc,
        backtests.top_decile_lift,
        backtests.base_rate,
        backtests.spearman,
        backtests.naive_spearman,

        ---------- booleans
        backtests.is_champion,

        ---------- dates
        backtests.origin_date,
        run_parameters.as_of
    from backtests
    cross join run_parameters

)

select * from final
