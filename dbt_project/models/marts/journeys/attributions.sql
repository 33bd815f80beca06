with

credits as (

    select * from {{ ref('int_journey_credits') }}

),

final as (

    select
        ---------- strings
        attribution_model,
        channel,

        ---------- numerics
        cast(sum(credited_orders) as decimal(18, 10)) as credited_orders,
        cast(sum(credited_net_amount) as decimal(18, 4)) as credited_net_amount,

        ---------- dates
        {{ month_start('ordered_date') }} as order_month,
        as_of
    from credits
    group by
        attribution_model,
        channel,
        {{ month_start('ordered_date') }},
        as_of

)

select * from final
