-- A failure means that money of a known customer's orders is missing from, or counted
-- twice in, customer_lifetime_values: lifetime value would be wrong for the customers
-- listed. The analytics engineer on duty acts: compare int_orders_attributed with
-- int_customer_purchase_days for one of them; nothing is published meanwhile.

with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

customer_lifetime_values as (

    select * from {{ ref('customer_lifetime_values') }}

),

order_sums as (

    select
        customer_id,
        sum(net_amount_reporting) as order_value
    from orders
    where
        not is_test
        and customer_id is not null
    group by customer_id

),

final as (

    select
        customer_lifetime_values.net_value,
        order_sums.order_value,
        coalesce(customer_lifetime_values.customer_id, order_sums.customer_id)
            as customer_id
    from customer_lifetime_values
    full outer join order_sums
        on customer_lifetime_values.customer_id = order_sums.customer_id
    where
        coalesce(customer_lifetime_values.net_value, 0)
        != coalesce(order_sums.order_value, 0)
        or customer_lifetime_values.customer_id is null

)

select * from final
