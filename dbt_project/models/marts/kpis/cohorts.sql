with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

-- Customers without a counted order belong to no cohort, and orders of nobody known to
-- no customer: both leave. Test orders are no orders.
customer_orders as (

    select
        customer_id,
        ordered_date,
        net_amount_reporting,
        as_of,
        case when is_counted then 1 else 0 end as counted_orders
    from orders
    where
        not is_test
        and customer_id is not null

),

acquisitions as (

    select
        customer_id,
        as_of,
        {{ month_start('min(ordered_date)') }} as acquisition_month
    from customer_orders
    where counted_orders > 0
    group by
        customer_id,
        as_of

),

cohort_sizes as (

    select
        acquisition_month,
        as_of,
        count(*) as customer_count
    from acquisitions
    group by
        acquisition_month,
        as_of

),

observed_period as (

    select
        min(acquisition_month) as first_month,
        max(as_of) as as_of
    from cohort_sizes

),

observed_days as (

    select {{ every_day('first_month', 'as_of') }} as observed_date
    from observed_period

),

observed_months as (

    select distinct {{ month_start('observed_date') }} as observed_month
    from observed_days

),

grid as (

    select
        cohort_sizes.acquisition_month,
        cohort_sizes.customer_count,
        cohort_sizes.as_of,
        observed_months.observed_month,
        cast(
            12 * (
                extract(year from observed_months.observed_month)
                - extract(year from cohort_sizes.acquisition_month)
            )
            + extract(month from observed_months.observed_month)
            - extract(month from cohort_sizes.acquisition_month)
            as integer
        ) as age_months
    from cohort_sizes
    inner join observed_months
        on cohort_sizes.acquisition_month <= observed_months.observed_month

),

-- A cancellation document dated before the customer's first order belongs to age 0: the
-- money of a cohort is all the money of its customers.
monthly_orders as (

    select
        acquisitions.acquisition_month,
        greatest(
            {{ month_start('customer_orders.ordered_date') }},
            acquisitions.acquisition_month
        ) as observed_month,
        count(
            distinct case
                when customer_orders.counted_orders > 0
                    then customer_orders.customer_id
            end
        ) as retained_customers,
        sum(customer_orders.counted_orders) as order_count,
        sum(customer_orders.net_amount_reporting) as net_revenue
    from customer_orders
    inner join acquisitions
        on customer_orders.customer_id = acquisitions.customer_id
    group by
        acquisitions.acquisition_month,
        greatest(
            {{ month_start('customer_orders.ordered_date') }},
            acquisitions.acquisition_month
        )

),

filled as (

    select
        grid.acquisition_month,
        grid.observed_month,
        grid.age_months,
        grid.customer_count,
        grid.as_of,
        cast(coalesce(monthly_orders.net_revenue, 0) as decimal(18, 4))
            as net_revenue,
        coalesce(monthly_orders.retained_customers, 0) as retained_customers,
        coalesce(monthly_orders.order_count, 0) as order_count
    from grid
    left join monthly_orders
        on
            grid.acquisition_month = monthly_orders.acquisition_month
            and grid.observed_month = monthly_orders.observed_month

),

final as (

    select
        ---------- numerics
        age_months,
        cast(customer_count as bigint) as customer_count,
        cast(retained_customers as bigint) as retained_customers,
        cast(order_count as bigint) as order_count,
        net_revenue,
        cast(
            sum(net_revenue) over (
                partition by acquisition_month
                order by age_months
                rows between unbounded preceding and current row
            ) as decimal(18, 4)
        ) as cumulative_net_revenue,
        cast(retained_customers as double) / customer_count as retention_rate,

        ---------- booleans
        {{ month_start(add_days('as_of', '1')) }} > observed_month
            as is_month_complete,

        ---------- dates
        acquisition_month,
        observed_month,
        as_of
    from filled

)

select * from final
