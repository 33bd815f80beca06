with

web_purchases as (

    select * from {{ ref('int_web_purchases_ranked') }}

),

payments as (

    select * from {{ ref('int_payments_judged') }}

),

order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}

),

orders as (

    select * from {{ ref('stg_generic__orders') }}

),

web_exclusions as (

    select
        delivery_id,
        source,
        currency,
        exclusion_reason as reason,
        case
            when
                exclusion_reason in (
                    'repeated transaction id',
                    'web purchase reported by the commerce source'
                )
                then 'duplicate'
            else 'quarantined'
        end as outcome,
        coalesce(amount, 0) as amount
    from web_purchases
    where exclusion_reason is not null

),

orders_from_lines as (

    select
        source,
        order_id,
        min(ordered_at) as ordered_at
    from order_lines
    group by source, order_id

),

line_exclusions as (

    select
        order_lines.delivery_id,
        order_lines.source,
        order_lines.currency,
        case
            when orders.order_id is not null
                then 'lines of an order that has its own header'
            else 'lines of an order without a time'
        end as reason,
        case when orders.order_id is not null then 'duplicate' else 'quarantined' end
            as outcome,
        coalesce(order_lines.amount, 0) as amount
    from order_lines
    inner join orders_from_lines
        on
            order_lines.source = orders_from_lines.source
            and order_lines.order_id = orders_from_lines.order_id
    left join orders
        on
            order_lines.source = orders.source
            and order_lines.order_id = orders.order_id
    where orders.order_id is not null or orders_from_lines.ordered_at is null

),

payment_exclusions as (

    select
        delivery_id,
        source,
        currency,
        exclusion_reason as reason,
        case
            when
                exclusion_reason in (
                    'payment of an order that its shop reports',
                    'payment authorised or voided: no money moved'
                )
                then 'duplicate'
            else 'quarantined'
        end as outcome,
        amount
    from payments
    where exclusion_reason is not null

),

exclusions as (

    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        amount
    from web_exclusions

    union all

    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        amount
    from line_exclusions

    union all

    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        amount
    from payment_exclusions

),

final as (

    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        cast(sum(amount) as decimal(18, 4)) as amount,
        count(*) as row_count
    from exclusions
    group by delivery_id, source, currency, outcome, reason

)

select * from final
