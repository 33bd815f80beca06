with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'orders'

),

{{ kpi_reach('reach') }},

-- Test orders never enter a KPI. An order of nobody is its own cluster.
known_orders as (

    select
        ordered_date,
        gross_amount_reporting,
        discount_amount_reporting,
        refund_amount_reporting,
        net_amount_reporting,
        coalesce(customer_id, source || '|' || order_id) as cluster_id,
        case when is_counted then 1 else 0 end as counted_orders,
        coalesce(channel, 'unknown') as channel,
        case when is_member_at_order then 'members' else 'others' end as membership
    from orders
    where not is_test

),

recent_orders as (

    select known_orders.*
    from known_orders
    cross join reach
    where known_orders.ordered_date > reach.before_first_date

),

cuts as (

    select
        'all' as segment,
        'all' as channel,
        cluster_id,
        ordered_date,
        gross_amount_reporting,
        discount_amount_reporting,
        refund_amount_reporting,
        net_amount_reporting,
        counted_orders
    from recent_orders
    union all
    select
        'all' as segment,
        channel,
        cluster_id,
        ordered_date,
        gross_amount_reporting,
        discount_amount_reporting,
        refund_amount_reporting,
        net_amount_reporting,
        counted_orders
    from recent_orders
    union all
    select
        membership as segment,
        'all' as channel,
        cluster_id,
        ordered_date,
        gross_amount_reporting,
        discount_amount_reporting,
        refund_amount_reporting,
        net_amount_reporting,
        counted_orders
    from recent_orders

),

customer_days as (

    select
        segment,
        channel,
        cluster_id,
        ordered_date,
        sum(gross_amount_reporting) as gross_amount,
        sum(discount_amount_reporting) as discount_amount,
        sum(refund_amount_reporting) as refund_amount,
        sum(net_amount_reporting) as net_amount,
        sum(counted_orders) as counted_orders
    from cuts
    group by
        segment,
        channel,
        cluster_id,
        ordered_date

),

final as (

    select
        ---------- ids
        metrics.metric,
        customer_days.segment,
        customer_days.channel,
        case
            when metrics.interval_method = 'none' then 'everybody'
            else customer_days.cluster_id
        end as cluster_id,

        ---------- numerics
        cast(
            case metrics.metric
                when 'aov' then customer_days.net_amount
                when 'discount_share' then customer_days.discount_amount
                when 'return_rate' then customer_days.refund_amount
                when 'net_revenue' then customer_days.net_amount
                when 'order_count' then customer_days.counted_orders
            end as decimal(18, 4)
        ) as numerator,
        cast(
            case
                when metrics.metric in ('discount_share', 'return_rate')
                    then customer_days.gross_amount
                else customer_days.counted_orders
            end as decimal(18, 4)
        ) as denominator,
        customer_days.counted_orders as observations,

        ---------- dates
        customer_days.ordered_date as starts_on,
        {{ add_days('customer_days.ordered_date', 'metrics.window_days') }} as ends_on
    from customer_days
    cross join metrics

)

select * from final
