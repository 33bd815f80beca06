with

orders_touched as (

    select * from {{ ref('int_touched_order_items') }}

),

order_months as (

    select * from {{ ref('stg_run__order_months') }}

),

order_numbers as (

    select {{ text_number("id_space || '|' || order_id") }} as order_number
    from orders_touched

),

final as (

    select distinct event_month
    from order_months
    where
        {{ is_among('order_numbers', ['order_number']) }}
        and event_month is not null

)

select * from final
