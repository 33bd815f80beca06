with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

ranks as (

    select * from {{ ref('int_customer_rfm_ranks') }}

),

scores as (

    select * from {{ ref('stg_estimates__lifetime_value_scores') }}

),

parameters as (

    select * from {{ ref('stg_estimates__lifetime_value_parameters') }}

),

-- Customers with equal x, t_x and T have the same future orders. What a purchase day is
-- worth, and what scales the quantiles of money, is the customer's own (Gamma-Gamma).
forecasts as (

    select
        customers.customer_id,
        scores.model,
        scores.model_version,
        scores.p_alive,
        scores.p_order_30d,
        scores.pace_30d,
        scores.pace_90d,
        scores.expected_orders_30d,
        scores.expected_orders_90d,
        scores.expected_orders_365d,
        scores.orders_365d_q025,
        scores.orders_365d_q100,
        scores.orders_365d_q250,
        scores.orders_365d_q750,
        scores.orders_365d_q900,
        scores.orders_365d_q975,
        scores.value_365d_q025,
        scores.value_365d_q100,
        scores.value_365d_q250,
        scores.value_365d_q750,
        scores.value_365d_q900,
        scores.value_365d_q975,
        scores.discounted_orders,
        parameters.margin,
        parameters.spend_v
        + customers.repeat_purchase_days
        * coalesce(cast(customers.mean_repeat_value as double), 0) as value_unit,
        parameters.spend_p
        / (
            parameters.spend_p * customers.repeat_purchase_days
            + parameters.spend_q - 1
        ) as value_units_per_order
    from customers
    inner join scores
        on
            customers.repeat_purchase_days = scores.repeat_purchase_days
            and customers.recency_days = scores.recency_days
            and customers.tenure_days = scores.tenure_days
    cross join parameters
    where parameters.withheld_reason is null

),

-- Gates are about the company's model; what is missing in the customer comes first.
sufficiency as (

    select
        customers.customer_id,
        case
            when customers.first_purchase_date is null and customers.order_count = 0
                then 'no counted order'
            when customers.first_purchase_date is null
                then 'no day with a positive net value: everything was refunded'
            when customers.tenure_days = 0
                then 'first purchase on the day of the run: no time observed yet'
            when customers.repeat_purchase_days = 0
                then 'one purchase day only: no repeat to learn from'
            else parameters.withheld_reason
        end as insufficiency_reason
    from customers
    cross join parameters

),

final as (

    select
        ---------- ids
        customers.customer_id,

        ---------- strings
        ranks.segment,
        forecasts.model,
        forecasts.model_version,
        sufficiency.insufficiency_reason,

        ---------- numerics
        customers.order_count,
        customers.net_value,
        customers.repeat_purchase_days,
        customers.recency_days,
        customers.tenure_days,
        customers.mean_repeat_value,
        ranks.recency_quintile,
        ranks.frequency_quintile,
        ranks.monetary_quintile,
        ranks.mean_value_quintile,
        forecasts.p_alive,
        forecasts.p_order_30d,
        forecasts.pace_30d,
        forecasts.pace_90d,
        forecasts.expected_orders_30d,
        forecasts.expected_orders_90d,
        forecasts.expected_orders_365d,
        forecasts.orders_365d_q250 as expected_orders_365d_50pct_low,
        forecasts.orders_365d_q750 as expected_orders_365d_50pct_high,
        forecasts.orders_365d_q100 as expected_orders_365d_80pct_low,
        forecasts.orders_365d_q900 as expected_orders_365d_80pct_high,
        forecasts.orders_365d_q025 as expected_orders_365d_low,
        forecasts.orders_365d_q975 as expected_orders_365d_high,

        ---------- dates
        customers.first_purchase_date,
        customers.last_purchase_date,
        customers.as_of,

        ---------- calculated
        sufficiency.insufficiency_reason is null as is_sufficient,
        forecasts.value_unit * forecasts.value_units_per_order
            as expected_order_value,
        forecasts.expected_orders_30d
        * forecasts.value_unit
        * forecasts.value_units_per_order as expected_value_30d,
        forecasts.expected_orders_90d
        * forecasts.value_unit
        * forecasts.value_units_per_order as expected_value_90d,
        forecasts.expected_orders_365d
        * forecasts.value_unit
        * forecasts.value_units_per_order as expected_value_365d,
        forecasts.value_365d_q250 * forecasts.value_unit
            as expected_value_365d_50pct_low,
        forecasts.value_365d_q750 * forecasts.value_unit
            as expected_value_365d_50pct_high,
        forecasts.value_365d_q100 * forecasts.value_unit
            as expected_value_365d_80pct_low,
        forecasts.value_365d_q900 * forecasts.value_unit
            as expected_value_365d_80pct_high,
        forecasts.value_365d_q025 * forecasts.value_unit as expected_value_365d_low,
        forecasts.value_365d_q975 * forecasts.value_unit as expected_value_365d_high,
        forecasts.discounted_orders
        * forecasts.value_unit
        * forecasts.value_units_per_order
        * forecasts.margin as lifetime_value_discounted
    from customers
    inner join sufficiency
        on customers.customer_id = sufficiency.customer_id
    left join ranks
        on customers.customer_id = ranks.customer_id
    left join forecasts
        on customers.customer_id = forecasts.customer_id

)

select * from final
