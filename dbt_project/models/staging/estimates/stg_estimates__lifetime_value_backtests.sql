with

source as (

    select * from {{ source('estimates', 'lifetime_value_backtests') }}

),

renamed as (

    select
        ---------- strings
        model,
        parameters,
        standard_errors,
        status,
        reason,

        ---------- numerics
        horizon_days,
        log_likelihood,
        customer_count,
        actual,
        predicted,
        mae,
        rmse,
        naive_mae,
        naive_rmse,
        previous_mae,
        calibration_error,
        brier,
        auc,
        top_decile_lift,
        base_rate,
        spearman,
        naive_spearman,

        ---------- booleans
        is_champion,

        ---------- dates
        origin_date
    from source

)

select * from renamed
