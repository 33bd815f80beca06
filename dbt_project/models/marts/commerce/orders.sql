with

int_orders as (

    select * from {{ ref('int_orders') }}

),

-- Holds no order after the run's day: what is later belongs to a later run.
orders_attributed as (

    select * from {{ ref('int_orders_attributed') }}

),

final as (

    select
        ---------- ids
        int_orders.order_id,
        int_orders.source,
        orders_attributed.customer_id,
        int_orders.identifier,
        int_orders.original_order_id,
        int_orders.location_id,
        int_orders.campaign_id,

        ---------- strings
        int_orders.currency,
        int_orders.document_type,
        int_orders.status,
        int_orders.source_status,
        int_orders.channel,
        int_orders.country,
        int_orders.discount_code,

        ---------- numerics
        int_orders.delivered_amount,
        int_orders.gross_amount,
        int_orders.discount_amount,
        int_orders.refund_amount,
        int_orders.adjustment_amount,
        int_orders.tax_amount,
        int_orders.shipping_amount,
        int_orders.net_amount,
        orders_attributed.exchange_rate,
        orders_attributed.customer_order_number,

        ---------- booleans
        int_orders.is_counted,
        int_orders.is_test,
        orders_attributed.is_member_at_order,

        ---------- dates
        int_orders.ordered_date,
        orders_attributed.as_of,

        ---------- timestamps
        int_orders.ordered_at,

        ---------- calculated
        -- a test order is no revenue, whatever it says
        case
            when int_orders.is_test then cast(0 as decimal(18, 4))
            else orders_attributed.gross_amount_reporting
        end as gross_amount_reporting,
        case
            when int_orders.is_test then cast(0 as decimal(18, 4))
            else orders_attributed.discount_amount_reporting
        end as discount_amount_reporting,
        case
            when int_orders.is_test then cast(0 as decimal(18, 4))
            else orders_attributed.refund_amount_reporting
        end as refund_amount_reporting,
        case
            when int_orders.is_test then cast(0 as decimal(18, 4))
            else orders_attributed.net_amount_reporting
        end as net_amount_reporting
    from int_orders
    inner join orders_attributed
        on
            int_orders.source = orders_attributed.source
            and int_orders.order_id = orders_attributed.order_id

)

select * from final
