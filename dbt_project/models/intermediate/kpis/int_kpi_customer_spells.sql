with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'customers'

),

-- Revenue of nobody cannot be a repeat purchase of somebody: unattributed orders leave.
customer_days as (

    select
        customer_id,
        ordered_date,
        sum(case when is_counted then 1 else 0 end) as counted_orders,
        sum(net_amount_reporting) as net_amount
    from orders
    where
        not is_test
        and customer_id is not null
    group by
        customer_id,
        ordered_date

),

order_days as (

    select
        customer_id,
        ordered_date,
        counted_orders,
        min(ordered_date) over (partition by customer_id) as first_date,
        lead(ordered_date) over (
            partition by customer_id
            order by ordered_date
        ) as next_date
    from customer_days
    where counted_orders > 0

),

frequency_window as (

    select window_days
    from metrics
    where metric = 'purchase_frequency'

),

recent_order_days as (

    select
        order_days.customer_id,
        order_days.ordered_date,
        order_days.next_date,
        order_days.counted_orders,
        {{ add_days('order_days.ordered_date', 'frequency_window.window_days') }}
            as leaves_on
    from order_days
    cross join frequency_window
    cross join run_parameters
    where
        order_days.ordered_date
        > {{ add_days('run_parameters.as_of', '-90 - frequency_window.window_days') }}

),

orders_in_window as (

    select
        'purchase_frequency' as metric,
        customer_id as cluster_id,
        counted_orders as numerator,
        0 as denominator,
        0 as observations,
        ordered_date as starts_on,
        leaves_on as ends_on
    from recent_order_days

),

-- A buyer is one buyer however often they buy: each order day holds the place until the
-- next one or until it leaves the window.
buyers_in_window as (

    select
        'purchase_frequency' as metric,
        customer_id as cluster_id,
        0 as numerator,
        1 as denominator,
        1 as observations,
        ordered_date as starts_on,
        case
            when next_date < leaves_on then next_date else leaves_on
        end as ends_on
    from recent_order_days

),

second_dates as (

    select
        customer_id,
        first_date,
        min(case when ordered_date > first_date then ordered_date end) as second_date
    from order_days
    group by
        customer_id,
        first_date

),

-- Only customers whom there was time to see come back are judged: without that the rate
-- would fall whenever the company grows.
repeat_customers as (

    select
        metrics.metric,
        second_dates.customer_id as cluster_id,
        case
            when
                second_dates.second_date
                <= {{ add_days('second_dates.first_date', 'metrics.tenure_days') }}
                then 1
            else 0
        end as numerator,
        1 as denominator,
        1 as observations,
        {{ add_days('second_dates.first_date', 'metrics.tenure_days') }} as starts_on,
        cast(null as date) as ends_on
    from second_dates
    inner join metrics
        on metrics.tenure_days > 0

),

customer_values as (

    select
        'customers_mean_value' as metric,
        customer_days.customer_id as cluster_id,
        customer_days.net_amount as numerator,
        case
            when customer_days.ordered_date = second_dates.first_date then 1
            else 0
        end as denominator,
        case
            when customer_days.ordered_date = second_dates.first_date then 1
            else 0
        end as observations,
        greatest(customer_days.ordered_date, second_dates.first_date) as starts_on,
        cast(null as date) as ends_on
    from customer_days
    inner join second_dates
        on customer_days.customer_id = second_dates.customer_id

),

spells as (

    select * from orders_in_window
    union all
    select * from buyers_in_window
    union all
    select * from repeat_customers
    union all
    select * from customer_values

),

final as (

    select
        ---------- ids
        metric,
        'all' as segment,
        'all' as channel,
        cluster_id,

        ---------- numerics
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        observations,

        ---------- dates
        starts_on,
        ends_on
    from spells

)

select * from final
