with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

membership_periods as (

    select * from {{ ref('int_customer_membership_periods') }}

),

-- Revenue of nobody has no member to compare; it leaves here and the caveat says so.
customer_orders as (

    select
        customer_id,
        ordered_date,
        ordered_at,
        net_amount_reporting,
        is_member_at_order,
        case when is_counted then 1 else 0 end as counted_orders
    from orders
    where
        not is_test
        and customer_id is not null

),

order_values as (

    select
        'member_order_value' as claim,
        'relative uplift' as form,
        customer_id,
        sum(case when is_member_at_order then net_amount_reporting else 0 end)
            as member_numerator,
        sum(case when is_member_at_order then counted_orders else 0 end)
            as member_denominator,
        sum(case when is_member_at_order then 0 else net_amount_reporting end)
            as other_numerator,
        sum(case when is_member_at_order then 0 else counted_orders end)
            as other_denominator
    from customer_orders
    group by customer_id

),

-- Who joins may have spent more anyway: here each customer stands on both sides, before
-- and after joining, and who was only ever on one leaves.
switched_order_values as (

    select
        claim,
        'relative uplift, same customers' as form,
        customer_id,
        member_numerator,
        member_denominator,
        other_numerator,
        other_denominator
    from order_values
    where
        member_denominator > 0
        and other_denominator > 0

),

first_orders as (

    select
        customer_id,
        min(ordered_at) as first_ordered_at,
        min(ordered_date) as first_date
    from customer_orders
    where counted_orders > 0
    group by customer_id

),

-- Days of the company in which a customer was a member. Periods of one customer do not
-- overlap.
membership_days as (

    select
        membership_periods.customer_id,
        {{ local_date('membership_periods.valid_from', 'run_parameters.time_zone') }}
            as first_date,
        least(
            coalesce(
                {{ local_date(
                    'membership_periods.valid_to', 'run_parameters.time_zone'
                ) }},
                run_parameters.as_of
            ),
            run_parameters.as_of
        ) as last_date
    from membership_periods
    cross join run_parameters

),

-- Time counts from the first order, which is therefore not itself counted.
member_days as (

    select
        first_orders.customer_id,
        sum(
            {{ days_between(
                'greatest(membership_days.first_date, first_orders.first_date)',
                'membership_days.last_date'
            ) }}
        ) as day_count
    from first_orders
    inner join membership_days
        on first_orders.customer_id = membership_days.customer_id
    where
        membership_days.first_date < membership_days.last_date
        and first_orders.first_date < membership_days.last_date
    group by first_orders.customer_id

),

exposures as (

    select
        first_orders.customer_id,
        first_orders.first_ordered_at,
        coalesce(member_days.day_count, 0) as member_day_count,
        {{ days_between('first_orders.first_date', 'run_parameters.as_of') }}
        - coalesce(member_days.day_count, 0) as other_day_count
    from first_orders
    cross join run_parameters
    left join member_days
        on first_orders.customer_id = member_days.customer_id

),

later_orders as (

    select
        exposures.customer_id,
        exposures.member_day_count,
        exposures.other_day_count,
        sum(
            case
                when
                    customer_orders.is_member_at_order
                    and customer_orders.ordered_at > exposures.first_ordered_at
                    then customer_orders.counted_orders
                else 0
            end
        ) as member_orders,
        sum(
            case
                when
                    not customer_orders.is_member_at_order
                    and customer_orders.ordered_at > exposures.first_ordered_at
                    then customer_orders.counted_orders
                else 0
            end
        ) as other_orders
    from exposures
    inner join customer_orders
        on exposures.customer_id = customer_orders.customer_id
    group by
        exposures.customer_id,
        exposures.member_day_count,
        exposures.other_day_count

),

order_frequencies as (

    select
        'member_frequency' as claim,
        'ratio of orders per year' as form,
        customer_id,
        member_orders as member_numerator,
        greatest(member_day_count, 0) as member_denominator,
        other_orders as other_numerator,
        greatest(other_day_count, 0) as other_denominator
    from later_orders

),

-- Repeat and single customers are compared over the same 365 days of each one's life,
-- the day of the first order included.
first_years as (

    select
        customer_orders.customer_id,
        sum(customer_orders.net_amount_reporting) as net_value,
        sum(customer_orders.counted_orders) as order_count,
        count(
            distinct case
                when customer_orders.counted_orders > 0
                    then customer_orders.ordered_date
            end
        ) as order_days
    from customer_orders
    inner join first_orders
        on customer_orders.customer_id = first_orders.customer_id
    cross join run_parameters
    where
        {{ days_between('first_orders.first_date', 'run_parameters.as_of') }} >= 365
        and {{ days_between(
            'first_orders.first_date', 'customer_orders.ordered_date'
        ) }} between 0 and 364
    group by customer_orders.customer_id

),

repeat_forms as (

    select 'ratio of spend per customer' as form
    union all
    select 'ratio of order value' as form
    union all
    select 'ratio of orders per customer' as form

),

repeat_measures as (

    select
        first_years.customer_id,
        first_years.order_days,
        repeat_forms.form,
        case
            when repeat_forms.form = 'ratio of orders per customer'
                then first_years.order_count
            else first_years.net_value
        end as numerator,
        case
            when repeat_forms.form = 'ratio of order value'
                then first_years.order_count
            else 1
        end as denominator
    from first_years
    cross join repeat_forms

),

repeat_multiples as (

    select
        'repeat_customer_spend' as claim,
        form,
        customer_id,
        case when order_days > 1 then numerator else 0 end as member_numerator,
        case when order_days > 1 then denominator else 0 end as member_denominator,
        case when order_days > 1 then 0 else numerator end as other_numerator,
        case when order_days > 1 then 0 else denominator end as other_denominator
    from repeat_measures

),

comparisons as (

    select * from order_values
    union all
    select * from switched_order_values
    union all
    select * from order_frequencies
    union all
    select * from repeat_multiples

),

final as (

    select
        ---------- ids
        comparisons.claim,
        comparisons.form,
        comparisons.customer_id,

        ---------- numerics
        cast(comparisons.member_numerator as decimal(18, 4)) as member_numerator,
        cast(comparisons.member_denominator as decimal(18, 4))
            as member_denominator,
        cast(comparisons.other_numerator as decimal(18, 4)) as other_numerator,
        cast(comparisons.other_denominator as decimal(18, 4)) as other_denominator,

        ---------- dates
        run_parameters.as_of
    from comparisons
    cross join run_parameters

)

select * from final
