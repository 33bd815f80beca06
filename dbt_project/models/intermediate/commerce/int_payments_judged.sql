with

payments as (

    select * from {{ ref('stg_generic__payments') }}

),

shopify_orders as (

    select * from {{ ref('stg_shopify__orders') }}

),

orders as (

    select * from {{ ref('stg_generic__orders') }}

),

order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}

),

-- Without payments no order has to be read.
orders_paid as (

    select distinct
        id_space,
        order_id
    from payments
    where order_id is not null

),

-- A payment names a Shopify order by its number or by its id.
orders_reported as (

    select
        id_space,
        order_id
    from shopify_orders
    where {{ is_among('orders_paid', ['id_space', 'order_id']) }}

    union

    select
        id_space,
        shopify_order_id as order_id
    from shopify_orders
    where
        (id_space, shopify_order_id) in (
            select
                orders_paid.id_space,
                orders_paid.order_id
            from orders_paid
        )

    union

    select
        id_space,
        order_id
    from orders
    where {{ is_among('orders_paid', ['id_space', 'order_id']) }}

    union

    select
        id_space,
        order_id
    from order_lines
    where
        ordered_at is not null
        and {{ is_among('orders_paid', ['id_space', 'order_id']) }}

),

charges as (

    select
        id_space,
        order_id,
        currency,
        min(processed_at) as charged_at
    from payments
    where
        status = 'success'
        and kind in ('sale', 'capture')
        and order_id is not null
    group by id_space, order_id, currency

),

final as (

    select
        payments.source,
        payments.id_space,
        payments.delivery_id,
        payments.payment_id,
        payments.order_id,
        coalesce(
            {{ customer_identifier('payments.customer_id', 'payments.id_space') }},
            {{ email_identifier('payments.email_key') }}
        ) as identifier,
        payments.kind,
        payments.currency,
        payments.amount,
        payments.is_test,
        payments.processed_at,
        charges.charged_at,
        -- an order known by its payments alone is made of these, each once
        case
            when payments.order_id is null then 'payment without an order'
            when orders_reported.order_id is not null
                then 'payment of an order that its shop reports'
            when payments.status != 'success' then 'payment that did not succeed'
            when payments.kind in ('authorization', 'void')
                then 'payment authorised or voided: no money moved'
            when charges.order_id is null then 'payment given back of an unknown charge'
        end as exclusion_reason
    from payments
    left join orders_reported
        on
            payments.id_space = orders_reported.id_space
            and payments.order_id = orders_reported.order_id
    left join charges
        on
            payments.id_space = charges.id_space
            and payments.order_id = charges.order_id
            and payments.currency = charges.currency

)

select * from final
