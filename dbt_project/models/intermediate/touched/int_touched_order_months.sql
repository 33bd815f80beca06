with

order_names as (

    select * from {{ ref('int_touched_order_names') }}

),

order_months as (

    select * from {{ ref('stg_run__order_months') }}

),

{{ months_of_orders('order_names', 'final') }}

select * from final
