-- A failure means that the revenue a dashboard shows for a day is not the sum of that
-- day's orders: the windows of kpis_daily begin or end on the wrong day, or an order is
-- counted in two channels.
-- The analytics engineer on duty acts: compare int_kpi_order_spells with
-- int_orders_attributed for the first day listed.

with

kpis_daily as (

    select * from {{ ref('kpis_daily') }}
    where metric = 'net_revenue'

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

reported as (

    select
        date as reported_date,
        sum(case when segment = 'all' and channel = 'all' then value end) as whole,
        sum(case when channel != 'all' then value end) as by_channel,
        sum(case when segment != 'all' then value end) as by_segment
    from kpis_daily
    group by date

),

daily_orders as (

    select
        ordered_date,
        cast(sum(net_amount_reporting) as double) as net_revenue
    from orders
    where not is_test
    group by ordered_date

),

final as (

    select
        reported.reported_date,
        reported.whole,
        reported.by_channel,
        reported.by_segment,
        coalesce(daily_orders.net_revenue, 0) as net_revenue
    from reported
    left join daily_orders
        on reported.reported_date = daily_orders.ordered_date
    where
        -- amounts have four decimals; doubles keep at least that many
        abs(reported.whole - coalesce(daily_orders.net_revenue, 0)) > 0.00005
        or abs(reported.whole - coalesce(reported.by_channel, 0)) > 0.00005
        or abs(reported.whole - coalesce(reported.by_segment, 0)) > 0.00005

)

select * from final
