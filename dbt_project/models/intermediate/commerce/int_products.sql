with

products as (

    select * from {{ ref('stg_generic__products') }}

),

-- Instances that share an id_space may both list a product; the newest entry is taken.
ranked as (

    select
        id_space,
        product_id,
        source,
        product_name,
        category,
        brand,
        price,
        currency,
        is_active,
        updated_at,
        row_number() over (
            partition by id_space, product_id
            order by coalesce(updated_at, timestamp '1970-01-01') desc, source
        ) as entry_rank
    from products

),

final as (

    select
        id_space,
        product_id,
        source,
        product_name,
        category,
        brand,
        price,
        currency,
        is_active,
        updated_at,
        count(*) over (partition by product_id) = 1 as is_only_entry
    from ranked
    where entry_rank = 1

)

select * from final
