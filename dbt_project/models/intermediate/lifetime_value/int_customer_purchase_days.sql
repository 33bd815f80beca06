with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

-- A refund lowers the value of the day it is dated on, so a day can end at or below
-- zero: such a day is no purchase (the customer did not keep anything of it).
final as (

    select
        ---------- ids
        customer_id,

        ---------- dates
        ordered_date,

        ---------- calculated
        cast(sum(net_amount_reporting) as decimal(18, 4)) as net_value,
        sum(case when is_counted then 1 else 0 end) as order_count,
        sum(case when is_counted then 1 else 0 end) > 0
        and sum(net_amount_reporting) > 0 as is_purchase_day
    from orders
    where
        not is_test
        and customer_id is not null
    group by
        customer_id,
        ordered_date

)

select * from final
