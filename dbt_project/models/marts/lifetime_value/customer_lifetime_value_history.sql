with

days as (

    select * from {{ ref('int_customer_purchase_days') }}

),

scores as (

    select * from {{ ref('stg_estimates__lifetime_value_former_scores') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

month_ends as (

    select distinct origin_date
    from scores

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

-- What was known on the month's last day, and what the next 90 days brought. A customer
-- who had not bought by then has no row for that month.
summaries as (

    select
        month_ends.origin_date,
        numbered.customer_id,
        sum(
            case when numbered.ordered_date <= month_ends.origin_date then 1 else 0 end
        ) - 1 as repeat_purchase_days,
        min(numbered.ordered_date) as first_purchase_date,
        max(
            case
                when numbered.ordered_date <= month_ends.origin_date
                    then numbered.ordered_date
            end
        ) as last_purchase_date,
        sum(
            case
                when
                    numbered.ordered_date <= month_ends.origin_date
                    and numbered.day_number > 1
                    then numbered.net_value
                else 0
            end
        ) as repeat_value,
        sum(
            case
                when
                    numbered.ordered_date > month_ends.origin_date
                    and numbered.ordered_date
                    <= {{ add_days('month_ends.origin_date', 30) }}
                    then 1
                else 0
            end
        ) as orders_30d,
        sum(
            case when numbered.ordered_date > month_ends.origin_date then 1 else 0 end
        ) as orders_90d,
        sum(
            case
                when numbered.ordered_date > month_ends.origin_date
                    then numbered.net_value
                else 0
            end
        ) as value_90d
    from month_ends
    inner join numbered
        on numbered.ordered_date <= {{ add_days('month_ends.origin_date', 90) }}
    group by
        month_ends.origin_date,
        numbered.customer_id
    having min(numbered.ordered_date) <= month_ends.origin_date

),

aged as (

    select
        *,
        {{ days_between('first_purchase_date', 'last_purchase_date') }}
            as recency_days,
        {{ days_between('first_purchase_date', 'origin_date') }} as tenure_days
    from summaries

),

final as (

    select
        ---------- ids
        aged.customer_id,

        ---------- strings
        scores.model,
        scores.model_version,

        ---------- numerics
        cast(aged.repeat_purchase_days as bigint) as repeat_purchase_days,
        aged.recency_days,
        aged.tenure_days,
        scores.p_alive,
        scores.expected_orders_30d,
        scores.expected_orders_90d,

        ---------- dates
        aged.origin_date as month_end_date,
        run_parameters.as_of,

        ---------- calculated
        scores.expected_orders_90d
        * scores.spend_p
        * (scores.spend_v + cast(aged.repeat_value as double))
        / (scores.spend_p * aged.repeat_purchase_days + scores.spend_q - 1)
            as expected_value_90d,
        case
            when
                {{ add_days('aged.origin_date', 30) }} <= run_parameters.as_of
                then cast(aged.orders_30d as bigint)
        end as actual_orders_30d,
        case
            when
                {{ add_days('aged.origin_date', 90) }} <= run_parameters.as_of
                then cast(aged.orders_90d as bigint)
        end as actual_orders_90d,
        case
            when
                {{ add_days('aged.origin_date', 90) }} <= run_parameters.as_of
                then cast(aged.value_90d as decimal(18, 4))
        end as actual_value_90d
    from aged
    inner join scores
        on
            aged.origin_date = scores.origin_date
            and aged.repeat_purchase_days = scores.repeat_purchase_days
            and aged.recency_days = scores.recency_days
            and aged.tenure_days = scores.tenure_days
    cross join run_parameters

)

select * from final
