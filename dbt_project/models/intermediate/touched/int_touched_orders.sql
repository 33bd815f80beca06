-- depends_on: {{ ref('stg_run__changed_rows') }}
with

{% if rewrites_all('int_orders') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as order_id,
        cast(null as timestamp) as ordered_at
    where false

)

{% else %}

changed_rows as (

    select * from {{ ref('stg_run__changed_rows') }}

),

-- A payment speaks of the orders of its id_space, every other row of its own source's.
final as (

    select
        source,
        order_id,
        ordered_at
    from {{ as_it_was('int_orders') }}
    where
        (source, order_id) in (select source, order_id from changed_rows)
        or (id_space, order_id) in (select id_space, order_id from changed_rows)

)

{% endif %}

select * from final
