with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

order_documents as (

    select * from {{ ref('int_orders') }}

),

order_items as (

    select * from {{ ref('int_order_items') }}

),

dated_orders as (

    select
        orders.customer_id,
        orders.is_counted,
        order_documents.discount_code,
        orders.gross_amount_reporting,
        orders.discount_amount_reporting,
        orders.refund_amount_reporting,
        orders.ordered_date,
        {{ days_between('orders.ordered_date', 'run_parameters.as_of') }} as age_days
    from orders
    inner join order_documents
        on
            orders.source = order_documents.source
            and orders.order_id = order_documents.order_id
    cross join run_parameters
    where
        orders.customer_id is not null
        and not orders.is_test

),

-- A coupon is used by an order that counts; money that came back, by whatever document.
year_sums as (

    select
        customer_id,
        sum(case when age_days < 365 then gross_amount_reporting else 0 end)
            as gross_365d,
        sum(case when age_days < 365 then discount_amount_reporting else 0 end)
            as discount_365d,
        sum(case when age_days < 365 then refund_amount_reporting else 0 end)
            as refund_365d,
        sum(case when age_days < 365 and is_counted then 1 else 0 end)
            as orders_365d,
        sum(
            case
                when
                    age_days < 365 and is_counted and discount_amount_reporting > 0
                    then 1
                else 0
            end
        ) as discounted_orders_365d,
        sum(
            case
                when age_days < 365 and is_counted and discount_code is not null then 1
                else 0
            end
        ) as coupon_orders_365d,
        sum(case when age_days < 90 and is_counted then 1 else 0 end) as orders_90d,
        min(case when is_counted then ordered_date end) as first_order_date
    from dated_orders
    group by customer_id

),

-- Returned lines say nothing of what a customer likes.
bought_categories as (

    select distinct
        orders.customer_id,
        order_items.category
    from order_items
    inner join orders
        on
            order_items.source = orders.source
            and order_items.order_id = orders.order_id
    where
        orders.customer_id is not null
        and order_items.category is not null
        and orders.is_counted
        and order_items.quantity > 0

),

category_buyers as (

    select
        category,
        count(*) as buyer_count
    from bought_categories
    group by category

),

category_pairs as (

    select
        bought.category as owned_category,
        beside.category as other_category,
        count(*) as buyer_count
    from bought_categories as bought
    inner join bought_categories as beside
        on
            bought.customer_id = beside.customer_id
            and bought.category != beside.category
    group by
        bought.category,
        beside.category

),

-- How many of those who bought the one also bought the other. Fewer than five buyers
-- make a share of chance.
associations as (

    select
        category_pairs.owned_category,
        category_pairs.other_category,
        cast(category_pairs.buyer_count as double)
        / category_buyers.buyer_count as confidence
    from category_pairs
    inner join category_buyers
        on category_pairs.owned_category = category_buyers.category
    where category_buyers.buyer_count >= 5

),

candidates as (

    select
        bought_categories.customer_id,
        associations.other_category,
        max(associations.confidence) as confidence
    from bought_categories
    inner join associations
        on bought_categories.category = associations.owned_category
    left join bought_categories as known
        on
            bought_categories.customer_id = known.customer_id
            and associations.other_category = known.category
    where known.category is null
    group by
        bought_categories.customer_id,
        associations.other_category

),

ranked_candidates as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by confidence desc, other_category asc
        ) as candidate_rank
    from candidates

),

final as (

    select
        ---------- ids
        year_sums.customer_id,

        ---------- strings
        ranked_candidates.other_category as next_best_category,

        ---------- numerics
        year_sums.orders_90d,
        year_sums.orders_365d,
        year_sums.coupon_orders_365d,
        ranked_candidates.confidence as next_best_category_share,

        ---------- dates
        year_sums.first_order_date,

        ---------- calculated
        cast(year_sums.discount_365d as double)
        / nullif(year_sums.gross_365d, 0) as discount_share_365d,
        cast(year_sums.refund_365d as double)
        / nullif(year_sums.gross_365d, 0) as return_rate_365d,
        cast(year_sums.discounted_orders_365d as double)
        / nullif(year_sums.orders_365d, 0) as discount_dependency_365d
    from year_sums
    left join ranked_candidates
        on
            year_sums.customer_id = ranked_candidates.customer_id
            and ranked_candidates.candidate_rank = 1

)

select * from final
