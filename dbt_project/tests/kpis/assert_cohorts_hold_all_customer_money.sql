-- A failure means that the cohorts and the customers disagree about what customers with
-- an order were worth: one of the two tables has lost or doubled money.
-- The analytics engineer on duty acts: compare both for one acquisition month.

with

cohorts as (

    select * from {{ ref('cohorts') }}

),

customer_lifetime_values as (

    select * from {{ ref('customer_lifetime_values') }}

),

cohort_money as (

    select coalesce(sum(net_revenue), 0) as net_revenue
    from cohorts

),

customer_money as (

    select coalesce(sum(net_value), 0) as net_value
    from customer_lifetime_values
    where order_count > 0

),

final as (

    select
        cohort_money.net_revenue,
        customer_money.net_value
    from cohort_money
    cross join customer_money
    where cohort_money.net_revenue != customer_money.net_value

)

select * from final
