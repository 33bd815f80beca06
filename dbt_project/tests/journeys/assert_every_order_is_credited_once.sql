-- A failure means that an attribution model or the list of paths gives away more or
-- less than all counted orders: channels would be credited with money that
-- was never earned, or lose some. The analytics engineer on duty acts: look for
-- duplicate touches in int_journey_touches.

with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

attributions as (

    select * from {{ ref('attributions') }}

),

journeys as (

    select * from {{ ref('journeys') }}

),

expected as (

    select
        count(*) as order_count,
        coalesce(sum(net_amount_reporting), 0) as net_amount
    from orders
    where is_counted

),

shared_out as (

    select
        attribution_model as way,
        sum(credited_orders) as order_count,
        sum(credited_net_amount) as net_amount
    from attributions
    group by attribution_model
    union all
    select
        'paths' as way,
        coalesce(sum(order_count), 0) as order_count,
        coalesce(sum(net_amount), 0) as net_amount
    from journeys

),

final as (

    select
        shared_out.way,
        shared_out.order_count as credited_orders,
        expected.order_count,
        shared_out.net_amount as credited_net_amount,
        expected.net_amount
    from shared_out
    cross join expected
    where
        shared_out.order_count != expected.order_count
        or shared_out.net_amount != expected.net_amount

)

select * from final
