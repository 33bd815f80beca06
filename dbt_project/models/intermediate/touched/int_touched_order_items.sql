{%- set products_have_changed = finds_rows(
    "select 1 from " ~ ref('stg_run__changed_rows') ~ " where object = 'generic_products'"
) -%}

-- depends_on: {{ ref('stg_run__changed_rows') }}
-- depends_on: {{ ref('int_touched_orders') }}
with

{% if rewrites_all('int_order_items') %}

final as (

    select
        cast(null as string) as source,
        cast(null as string) as id_space,
        cast(null as string) as order_id
    where false

)

{% else %}

changed_products as (

    select record_id as product_id
    from {{ ref('stg_run__changed_rows') }}
    where object = 'generic_products'

),

-- A product that is called otherwise now is called so in old orders, too.
final as (

    select
        source,
        id_space,
        order_id
    from {{ ref('int_touched_orders') }}
    {% if products_have_changed -%}
    union distinct
    select
        source,
        id_space,
        order_id
    from {{ as_it_was('int_order_items') }}
    where {{ is_among('changed_products', ['product_id']) }}
    {%- endif %}

)

{% endif %}

select * from final
