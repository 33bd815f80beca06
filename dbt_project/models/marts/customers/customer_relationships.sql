with

customers as (

    select * from {{ ref('customers') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

habits as (

    select * from {{ ref('int_customer_habits') }}

),

dealings as (

    select * from {{ ref('int_customer_dealings') }}

),

redemptions as (

    select * from {{ ref('int_customer_redemptions') }}

),

lifetime_values as (

    select * from {{ ref('customer_lifetime_values') }}

),

engagement_scores as (

    select * from {{ ref('customer_engagement_scores') }}

),

survey_responses as (

    select * from {{ ref('survey_responses') }}

),

tickets as (

    select * from {{ ref('tickets') }}

),

memberships as (

    select * from {{ ref('loyalty_memberships') }}

),

abandoned_carts as (

    select * from {{ ref('abandoned_carts') }}

),

-- A verdict on a ticket and a satisfaction answer judge one experience each.
verdicts as (

    select
        survey_responses.customer_id,
        case when survey_responses.outcome = 'good' then 1 else 0 end as is_good
    from survey_responses
    cross join run_parameters
    where
        survey_responses.survey_type = 'csat'
        and survey_responses.outcome is not null
        and {{ days_between(
            local_date('survey_responses.answered_at', 'run_parameters.time_zone'),
            'run_parameters.as_of'
        ) }} < 365
    union all
    select
        tickets.customer_id,
        case when tickets.satisfaction = 'good' then 1 else 0 end as is_good
    from tickets
    cross join run_parameters
    where
        tickets.satisfaction is not null
        and {{ days_between(
            local_date('tickets.created_at', 'run_parameters.time_zone'),
            'run_parameters.as_of'
        ) }} < 365

),

satisfaction as (

    select
        customer_id,
        count(*) as verdict_count,
        cast(sum(is_good) as double) / count(*) as good_share
    from verdicts
    where customer_id is not null
    group by customer_id

),

points as (

    select
        customer_id,
        sum(points_balance_value) as points_balance_value
    from memberships
    where
        customer_id is not null
        and is_current
    group by customer_id

),

left_carts as (

    select
        customer_id,
        min(age_days) as youngest_cart_days
    from abandoned_carts
    where
        customer_id is not null
        and not is_recovered
    group by customer_id

),

joined as (

    select
        customers.customer_id,
        customers.email_consent,
        customers.order_count,
        customers.first_seen_at,
        customers.first_order_at,
        customers.as_of,
        run_parameters.time_zone,
        lifetime_values.p_alive,
        lifetime_values.segment as rfm_segment,
        engagement_scores.score,
        engagement_scores.tier,
        habits.last_active_date,
        habits.last_interest_date,
        redemptions.first_redeemed_at,
        habits.last_delivered_at,
        habits.last_bounced_at,
        habits.preferred_hour_local,
        habits.touch_cadence_days,
        dealings.next_best_category,
        dealings.next_best_category_share,
        dealings.discount_share_365d,
        dealings.return_rate_365d,
        dealings.discount_dependency_365d,
        dealings.first_order_date,
        satisfaction.good_share as csat_share_365d,
        points.points_balance_value,
        left_carts.youngest_cart_days,
        coalesce(customers.industry, 'unknown') as industry,
        lifetime_values.net_value
        + coalesce(lifetime_values.expected_value_365d, 0) as customer_value,
        coalesce(satisfaction.verdict_count, 0) as csat_answers_365d,
        coalesce(habits.own_touches_365d, 0) as own_touches_365d,
        coalesce(habits.inbound_touches_30d, 0) as inbound_touches_30d,
        coalesce(habits.inbound_touches_90d, 0) as inbound_touches_90d,
        coalesce(habits.outbound_touches_90d, 0) as outbound_touches_90d,
        coalesce(habits.non_purchase_touches_365d, 0) as non_purchase_touches_365d,
        coalesce(habits.convenience_touches_365d, 0) as convenience_touches_365d,
        coalesce(habits.peer_touches_365d, 0) as peer_interactions_365d,
        coalesce(habits.contest_entries_365d, 0) as contest_entries_365d,
        coalesce(habits.coupons_redeemed_365d, 0)
        + coalesce(dealings.coupon_orders_365d, 0) as coupon_redemptions_365d,
        coalesce(habits.spam_reports_365d, 0)
        + coalesce(habits.complaints_365d, 0) as complaints_365d,
        coalesce(habits.activity_breadth_90d, 0) as activity_breadth_90d,
        coalesce(habits.active_weeks_13w, 0) as active_weeks_13w,
        coalesce(habits.active_days_90d, 0) as active_days_90d,
        coalesce(habits.active_days_90d_before, 0) as active_days_90d_before,
        coalesce(dealings.orders_90d, 0) as orders_90d
    from customers
    cross join run_parameters
    left join habits
        on customers.customer_id = habits.customer_id
    left join dealings
        on customers.customer_id = dealings.customer_id
    left join redemptions
        on customers.customer_id = redemptions.customer_id
    left join lifetime_values
        on customers.customer_id = lifetime_values.customer_id
    left join engagement_scores
        on customers.customer_id = engagement_scores.customer_id
    left join satisfaction
        on customers.customer_id = satisfaction.customer_id
    left join points
        on customers.customer_id = points.customer_id
    left join left_carts
        on customers.customer_id = left_carts.customer_id

),

-- Each sign of trust is known or not; what is not known is no sign of distrust.
judged as (

    select
        *,
        case email_consent when 'granted' then 1.0 when 'denied' then 0.0 end
            as consent_kept,
        case
            when own_touches_365d > 0
                then case when complaints_365d = 0 then 1.0 else 0.0 end
        end as complaint_free,
        case
            when return_rate_365d is not null
                then 1.0 - greatest(least(return_rate_365d, 1.0), 0.0)
        end as money_kept,
        case
            when last_delivered_at is null and last_bounced_at is null then null
            when last_bounced_at is null then 1.0
            when last_delivered_at > last_bounced_at then 1.0
            else 0.0
        end as address_works,
        order_count > 0
        and cume_dist() over (
            partition by order_count > 0
            order by customer_value
        ) > 0.8 as is_top_value,
        case
            when score is not null
                then
                    percent_rank() over (
                        partition by industry, score is null
                        order by score
                    )
        end as engagement_percentile_in_segment,
        least(
            coalesce(first_order_at, first_redeemed_at),
            coalesce(first_redeemed_at, first_order_at)
        ) as first_value_at
    from joined

),

signs as (

    select
        *,
        case when consent_kept is null then 0 else 1 end
        + case when complaint_free is null then 0 else 1 end
        + case when money_kept is null then 0 else 1 end
        + case when address_works is null then 0 else 1 end as trust_signs
    from judged

),

final as (

    select
        ---------- ids
        customer_id,

        ---------- strings
        industry as engagement_segment,
        next_best_category,

        ---------- numerics
        engagement_percentile_in_segment,
        activity_breadth_90d,
        touch_cadence_days,
        csat_share_365d,
        trust_signs,
        return_rate_365d,
        discount_share_365d,
        discount_dependency_365d,
        next_best_category_share,
        preferred_hour_local,

        ---------- dates
        as_of,

        ---------- calculated
        cast(active_weeks_13w as integer) as active_weeks_13w,
        cast(inbound_touches_30d as bigint) as inbound_touches_30d,
        cast(inbound_touches_90d as bigint) as inbound_touches_90d,
        cast(outbound_touches_90d as bigint) as outbound_touches_90d,
        cast(peer_interactions_365d as bigint) as peer_interactions_365d,
        cast(contest_entries_365d as bigint) as contest_entries_365d,
        cast(coupon_redemptions_365d as bigint) as coupon_redemptions_365d,
        cast(complaints_365d as bigint) as complaints_365d,
        cast(csat_answers_365d as bigint) as csat_answers_365d,
        cast(points_balance_value as decimal(18, 4)) as points_balance_value,
        case
            when order_count = 0 and tier in ('high', 'medium') then 'warm prospect'
            when order_count = 0 then 'cold prospect'
            when rfm_segment in ('lost', 'hibernating') then 'lost'
            when
                rfm_segment in ('at risk', 'cannot lose', 'about to sleep')
                and is_top_value
                then 'valuable and slipping away'
            when rfm_segment in ('at risk', 'cannot lose', 'about to sleep')
                then 'slipping away'
            when rfm_segment in ('new', 'promising') then 'newcomer'
            when is_top_value and tier in ('high', 'medium') then 'core customer'
            when is_top_value then 'quiet big spender'
            when tier in ('high', 'medium') then 'fan with room to grow'
            else 'occasional buyer'
        end as segment_name,
        case
            when p_alive >= 0.7 then 'low'
            when p_alive >= 0.3 then 'medium'
            when p_alive is not null then 'high'
        end as churn_risk_band,
        cast(inbound_touches_90d as double)
        / nullif(inbound_touches_90d + outbound_touches_90d, 0) as dialogue_ratio_90d,
        cast(non_purchase_touches_365d as double)
        / nullif(own_touches_365d, 0) as non_purchase_touch_share,
        cast(convenience_touches_365d as double)
        / nullif(own_touches_365d, 0) as convenience_share,
        cast(active_days_90d as double)
        / nullif(active_days_90d_before, 0) as cadence_trend,
        case
            when trust_signs >= 2
                then
                    cast(
                        coalesce(consent_kept, 0)
                        + coalesce(complaint_free, 0)
                        + coalesce(money_kept, 0)
                        + coalesce(address_works, 0) as double
                    ) / trust_signs
        end as trust_index,
        case
            when {{ days_between('first_order_date', 'as_of') }} >= 90
                then
                    orders_90d > 0
                    or coalesce(
                        {{ days_between('last_active_date', 'as_of') }} < 90, false
                    )
        end as is_retained_90d,
        case
            when first_value_at is not null
                then
                    {{ days_between(
                        local_date('first_seen_at', 'time_zone'),
                        local_date('first_value_at', 'time_zone')
                    ) }}
        end as days_to_first_value,
        email_consent = 'granted'
        and (
            coalesce(youngest_cart_days < 30, false)
            or coalesce(
                {{ days_between('last_interest_date', 'as_of') }} < 30
                and orders_90d = 0, false
            )
        ) as is_retargeting_audience
    from signs

)

select * from final
