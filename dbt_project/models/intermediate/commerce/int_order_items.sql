{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'order_id'],
    meta={
        'touched': 'int_touched_order_items',
        'touched_at': 'ordered_at',
        'touched_months': 'int_touched_order_item_months',
    },
) }}

-- depends_on: {{ ref('int_touched_order_items') }}
-- depends_on: {{ ref('int_touched_order_item_months') }}
with

orders as (

    select * from {{ ref('int_orders') }}
    where
        {{ is_touched(
            ref('int_touched_order_items'),
            ['source', 'order_id'],
            at='ordered_at',
            months='int_touched_order_item_months',
        ) }}

),

products as (

    select * from {{ ref('int_products') }}

),

shopify_order_lines as (

    select * from {{ ref('stg_shopify__order_lines') }}
    where {{ is_touched(ref('int_touched_order_items'), ['source', 'order_id']) }}

),

generic_order_lines as (

    select * from {{ ref('stg_generic__order_lines') }}
    where
        {{ is_touched(
            ref('int_touched_order_items'),
            ['source', 'order_id'],
            at='ordered_at',
            months='int_touched_order_item_months',
        ) }}

),

lines as (

    select
        source,
        order_id,
        product_id,
        product_name,
        cast(null as string) as category,
        quantity,
        unit_price,
        coalesce(amount, 0) as amount,
        coalesce(line_discount_amount, 0) as discount_amount,
        0 as refund_amount
    from shopify_order_lines

    union all

    select
        source,
        order_id,
        product_id,
        product_name,
        category,
        quantity,
        unit_price,
        coalesce(amount, 0) as amount,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(refund_amount, 0) as refund_amount
    from generic_order_lines

),

-- Numbered by content: the order of deliveries must not show.
numbered as (

    select
        lines.source,
        lines.order_id,
        orders.id_space,
        orders.currency,
        orders.ordered_at,
        orders.discount_amount as order_discount_amount,
        orders.refund_amount as order_refund_amount,
        lines.product_id,
        lines.product_name,
        lines.category,
        lines.quantity,
        lines.unit_price,
        row_number() over (
            partition by lines.source, lines.order_id
            order by
                coalesce(lines.product_id, ''),
                coalesce(lines.product_name, ''),
                coalesce(lines.category, ''),
                lines.quantity,
                coalesce(lines.unit_price, 0),
                lines.amount,
                lines.discount_amount,
                lines.refund_amount
        ) as line_number,
        case orders.document_type when 'sale' then greatest(lines.amount, 0) else 0 end
            as gross_amount,
        case orders.document_type when 'sale' then lines.discount_amount else 0 end
            as own_discount_amount,
        case orders.document_type
            when 'sale' then greatest(-lines.amount, 0) + lines.refund_amount
            -- a credit document without minus signs credits all the same
            when 'cancellation'
                then
                    case
                        when orders.delivered_amount > 0 then lines.amount
                        else -lines.amount
                    end
            else 0
        end as own_refund_amount,
        case orders.document_type when 'adjustment' then lines.amount else 0 end
            as adjustment_amount
    from lines
    -- lines of an order without a time have no order; int_order_exclusions names them
    inner join orders
        on
            lines.source = orders.source
            and lines.order_id = orders.order_id

),

-- What the order discounts or refunds beyond its lines falls on them by their price.
remainders as (

    select
        source,
        order_id,
        line_number,
        gross_amount,
        sum(gross_amount) over (partition by source, order_id) as total_gross_amount,
        sum(gross_amount) over (
            partition by source, order_id
            order by line_number
            rows between unbounded preceding and current row
        ) as running_gross_amount,
        order_discount_amount
        - sum(own_discount_amount) over (partition by source, order_id)
            as open_discount_amount,
        order_refund_amount
        - sum(own_refund_amount) over (partition by source, order_id)
            as open_refund_amount
    from numbered

),

-- Differences of rounded running shares: the parts add up to the whole exactly.
shares as (

    select
        source,
        order_id,
        line_number,
        case
            when total_gross_amount = 0 or open_discount_amount = 0 then 0
            else
                round(
                    open_discount_amount * running_gross_amount / total_gross_amount, 4
                )
                - round(
                    open_discount_amount
                    * (running_gross_amount - gross_amount)
                    / total_gross_amount,
                    4
                )
        end as shared_discount_amount,
        case
            when total_gross_amount = 0 or open_refund_amount = 0 then 0
            else
                round(open_refund_amount * running_gross_amount / total_gross_amount, 4)
                - round(
                    open_refund_amount
                    * (running_gross_amount - gross_amount)
                    / total_gross_amount,
                    4
                )
        end as shared_refund_amount
    from remainders

),

typed as (

    select
        numbered.source,
        numbered.order_id,
        numbered.id_space,
        numbered.product_id,
        numbered.product_name,
        numbered.category,
        numbered.currency,
        numbered.quantity,
        numbered.unit_price,
        numbered.ordered_at,
        cast(numbered.line_number as integer) as line_number,
        cast(numbered.gross_amount as decimal(18, 4)) as gross_amount,
        cast(numbered.adjustment_amount as decimal(18, 4)) as adjustment_amount,
        cast(numbered.own_discount_amount as decimal(18, 4))
        + cast(shares.shared_discount_amount as decimal(18, 4)) as discount_amount,
        cast(numbered.own_refund_amount as decimal(18, 4))
        + cast(shares.shared_refund_amount as decimal(18, 4)) as refund_amount
    from numbered
    inner join shares
        on
            numbered.source = shares.source
            and numbered.order_id = shares.order_id
            and numbered.line_number = shares.line_number

),

-- The catalogue of the same id_space knows a product best; another one only where the
-- product's id exists there alone.
final as (

    select
        typed.source,
        typed.order_id,
        typed.line_number,
        typed.id_space,
        typed.product_id,
        typed.currency,
        typed.quantity,
        typed.unit_price,
        typed.ordered_at,
        typed.gross_amount,
        cast(typed.discount_amount as decimal(18, 4)) as discount_amount,
        cast(typed.refund_amount as decimal(18, 4)) as refund_amount,
        typed.adjustment_amount,
        cast(
            typed.gross_amount
            - typed.discount_amount
            - typed.refund_amount
            + typed.adjustment_amount
            as decimal(18, 4)
        ) as net_amount,
        coalesce(typed.product_name, own.product_name, only_entry.product_name)
            as product_name,
        coalesce(typed.category, own.category, only_entry.category) as category
    from typed
    left join products as own
        on
            typed.id_space = own.id_space
            and typed.product_id = own.product_id
    left join products as only_entry
        on
            typed.product_id = only_entry.product_id
            and only_entry.is_only_entry

)

select * from final
