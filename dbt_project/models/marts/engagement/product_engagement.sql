with

touches as (

    select * from {{ ref('int_product_touches') }}

),

-- Half a touch after 30 days: what interests a customer in a product changes faster
-- than the bond with the brand, which the engagement score measures.
decayed as (

    select
        customer_id,
        coalesce(product_id, '(category only)') as product_id,
        coalesce(category, '(none)') as category,
        kind,
        quantity,
        net_amount_reporting,
        touched_date,
        as_of,
        cast(
            round(
                power(
                    cast(2 as double),
                    -cast({{ days_between('touched_date', 'as_of') }} as double) / 30
                ),
                10
            ) as decimal(18, 10)
        ) as decayed_touch
    from touches

),

customer_products as (

    select
        customer_id,
        product_id,
        category,
        as_of,
        sum(
            case
                when
                    kind in (
                        'view_item', 'page_view', 'select_item', 'content_view'
                    )
                    then 1
                else 0
            end
        ) as view_count,
        sum(case when kind = 'add_to_cart' then 1 else 0 end) as cart_count,
        sum(case when kind = 'review' then 1 else 0 end) as review_count,
        sum(case when kind = 'order' then 1 else 0 end) as order_line_count,
        sum(quantity) as quantity,
        sum(net_amount_reporting) as net_amount,
        sum(decayed_touch) as decayed_touches,
        max(touched_date) as last_touched_date
    from decayed
    group by
        customer_id,
        product_id,
        category,
        as_of

),

final as (

    select
        ---------- ids
        customer_id,
        product_id,

        ---------- strings
        category,

        ---------- numerics
        cast(view_count as bigint) as view_count,
        cast(cart_count as bigint) as cart_count,
        cast(review_count as bigint) as review_count,
        cast(order_line_count as bigint) as order_line_count,
        cast(quantity as decimal(18, 4)) as quantity,
        cast(net_amount as decimal(18, 4)) as net_amount,
        cast(decayed_touches as decimal(18, 10)) as decayed_touches,

        ---------- dates
        last_touched_date,
        as_of,

        ---------- calculated
        cast(decayed_touches as double) / nullif(
            cast(
                sum(decayed_touches) over (partition by customer_id) as double
            ),
            0
        ) as share_of_customer
    from customer_products

)

select * from final
