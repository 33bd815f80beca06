with

orders_touched as (

    select * from {{ ref('int_touched_order_items') }}

),

order_months as (

    select * from {{ ref('stg_run__order_months') }}

),

{{ months_of_orders('orders_touched', 'final') }}

select * from final
