with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

customers as (

    select distinct customer_id
    from identity_assignments

),

totals as (

    select
        customer_id,
        sum(order_count) as order_count,
        sum(net_value) as net_value
    from days
    group by customer_id

),

numbered as (

    select
        customer_id,
        ordered_date,
        net_value,
        row_number() over (
            partition by customer_id
            order by ordered_date
        ) as day_number
    from days
    where is_purchase_day

),

-- The first day is the acquisition, not a repeat: it enters neither x nor m.
repeats as (

    select
        customer_id,
        count(*) - 1 as repeat_purchase_days,
        min(ordered_date) as first_purchase_date,
        max(ordered_date) as last_purchase_date,
        sum(case when day_number > 1 then net_value else 0 end) as repeat_value
    from numbered
    group by customer_id

),

final as (

    select
        ---------- ids
        customers.customer_id,

        ---------- numerics
        cast(coalesce(totals.order_count, 0) as bigint) as order_count,
        cast(coalesce(totals.net_value, 0) as decimal(18, 4)) as net_value,
        repeats.repeat_purchase_days,
        {{ days_between('repeats.first_purchase_date', 'repeats.last_purchase_date') }}
            as recency_days,
        {{ days_between('repeats.first_purchase_date', 'run_parameters.as_of') }}
            as tenure_days,
        case
            when repeats.repeat_purchase_days > 0
                then
                    cast(
                        round(
                            cast(repeats.repeat_value as double)
                            / repeats.repeat_purchase_days,
                            4
                        ) as decimal(18, 4)
                    )
        end as mean_repeat_value,

        ---------- dates
        repeats.first_purchase_date,
        repeats.last_purchase_date,
        run_parameters.as_of
    from customers
    cross join run_parameters
    left join totals
        on customers.customer_id = totals.customer_id
    left join repeats
        on customers.customer_id = repeats.customer_id

)

select * from final
