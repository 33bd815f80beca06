with

int_order_items as (

    select * from {{ ref('int_order_items') }}

),

orders as (

    select * from {{ ref('orders') }}

),

final as (

    select
        ---------- ids
        int_order_items.order_id,
        int_order_items.source,
        orders.customer_id,
        int_order_items.product_id,

        ---------- strings
        int_order_items.product_name,
        int_order_items.category,
        int_order_items.currency,

        ---------- numerics
        int_order_items.line_number,
        int_order_items.quantity,
        int_order_items.unit_price,
        int_order_items.gross_amount,
        int_order_items.discount_amount,
        int_order_items.refund_amount,
        int_order_items.adjustment_amount,
        int_order_items.net_amount,

        ---------- booleans
        orders.is_counted,

        ---------- dates
        orders.ordered_date,
        orders.as_of,

        ---------- timestamps
        orders.ordered_at,

        ---------- calculated
        case
            when orders.is_test then cast(0 as decimal(18, 4))
            else
                cast(
                    round(int_order_items.net_amount * orders.exchange_rate, 4)
                    as decimal(18, 4)
                )
        end as net_amount_reporting,
        int_order_items.refund_amount > 0 as is_refunded
    from int_order_items
    -- lines of orders after the run's day stay out with their order
    inner join orders
        on
            int_order_items.source = orders.source
            and int_order_items.order_id = orders.order_id

)

select * from final
