with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'acquisition'

),

-- Orders of nobody known win nobody: they leave.
customer_values as (

    select
        customer_id,
        min(case when is_counted then ordered_date end) as first_date,
        sum(net_amount_reporting) as net_value
    from orders
    where
        not is_test
        and customer_id is not null
    group by customer_id

),

-- A campaign without a known first day belongs to no window and leaves; one whose cost
-- is unknown costs nothing here.
costs as (

    select
        started_date as starts_on,
        campaign_id || '|' || channel as cluster_id,
        coalesce(cost, 0) as cost
    from campaign_costs
    where started_date is not null

),

measured as (

    select
        metrics.metric,
        metrics.window_days,
        customer_values.customer_id as cluster_id,
        customer_values.first_date as starts_on,
        case metrics.metric
            when 'clv_to_acquisition_cost' then customer_values.net_value
            else 0
        end as numerator,
        case metrics.metric when 'cost_per_new_customer' then 1 else 0 end
            as denominator,
        1 as observations
    from customer_values
    cross join metrics
    where customer_values.first_date is not null
    union all
    select
        metrics.metric,
        metrics.window_days,
        costs.cluster_id,
        costs.starts_on,
        case metrics.metric when 'cost_per_new_customer' then costs.cost else 0 end
            as numerator,
        case metrics.metric
            when 'clv_to_acquisition_cost' then costs.cost
            else 0
        end as denominator,
        0 as observations
    from costs
    cross join metrics

),

final as (

    select
        ---------- ids
        measured.metric,
        'all' as segment,
        'all' as channel,
        measured.cluster_id,

        ---------- numerics
        cast(measured.numerator as decimal(18, 4)) as numerator,
        cast(measured.denominator as decimal(18, 4)) as denominator,
        measured.observations,

        ---------- dates
        measured.starts_on,
        {{ add_days('measured.starts_on', 'measured.window_days') }} as ends_on
    from measured
    cross join run_parameters
    where
        measured.starts_on
        > {{ add_days('run_parameters.as_of', '-90 - measured.window_days') }}
        and measured.starts_on <= run_parameters.as_of

)

select * from final
