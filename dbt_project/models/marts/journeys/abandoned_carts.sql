with

abandoned_carts as (

    select * from {{ ref('int_abandoned_carts') }}

),

final as (

    select
        ---------- ids
        source,
        cart_id,
        customer_id,
        recovered_order_id,
        visited_location_id,

        ---------- strings
        currency,
        channel,
        recovered_by,

        ---------- numerics
        cart_amount,
        cast(item_count as bigint) as item_count,
        age_days,

        ---------- booleans
        is_recovered,
        has_store_visit_after,

        ---------- dates
        as_of,

        ---------- timestamps
        created_at,
        store_visited_at
    from abandoned_carts

)

select * from final
