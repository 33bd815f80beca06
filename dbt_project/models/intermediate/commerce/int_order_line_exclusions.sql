{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'order_id'],
    meta={'touched': 'int_touched_orders'},
) }}

-- depends_on: {{ ref('int_touched_orders') }}
with

order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

orders as (

    select * from {{ ref('stg_generic__orders') }}
    where
        {{ is_touched(
            ref('int_touched_orders'), ['source', 'order_id'], at='ordered_at'
        ) }}

),

orders_from_lines as (

    select
        source,
        order_id,
        min(ordered_at) as ordered_at
    from order_lines
    group by source, order_id

),

excluded_lines as (

    select
        order_lines.source,
        order_lines.order_id,
        order_lines.delivery_id,
        order_lines.currency,
        case
            when orders.order_id is not null
                then 'lines of an order whose header states its amount'
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
    where
        orders.gross_amount is not null
        or (orders.order_id is null and orders_from_lines.ordered_at is null)

),

headers_without_amount as (

    select
        orders.source,
        orders.order_id,
        orders.delivery_id,
        orders.currency,
        'order without an amount and without lines' as reason,
        'quarantined' as outcome,
        0 as amount
    from orders
    left join orders_from_lines
        on
            orders.source = orders_from_lines.source
            and orders.order_id = orders_from_lines.order_id
    where
        orders.gross_amount is null
        and orders_from_lines.order_id is null

),

excluded as (

    select * from excluded_lines
    union all
    select * from headers_without_amount

),

final as (

    select
        source,
        order_id,
        delivery_id,
        currency,
        outcome,
        reason,
        cast(sum(amount) as decimal(18, 4)) as amount,
        count(*) as row_count
    from excluded
    group by source, order_id, delivery_id, currency, outcome, reason

)

select * from final
