with

touches as (

    select * from {{ ref('int_customer_touches') }}

),

counted as (

    select
        customer_id,
        sum(case when direction != 'outbound' and age_days < 90 then 1 else 0 end)
            as own_touches_90d,
        sum(case when direction = 'inbound' and age_days < 90 then 1 else 0 end)
            as inbound_touches_90d,
        sum(case when direction = 'outbound' and age_days < 90 then 1 else 0 end)
            as outbound_touches_90d,
        sum(case when direction = 'inbound' and age_days < 30 then 1 else 0 end)
            as inbound_touches_30d,
        sum(case when direction != 'outbound' then 1 else 0 end)
            as own_touches_365d,
        sum(case when direction != 'outbound' and kind != 'order' then 1 else 0 end)
            as non_purchase_touches_365d,
        sum(
            case
                when direction != 'outbound' and engagement_type = 'convenience' then 1
                else 0
            end
        ) as convenience_touches_365d,
        sum(case when direction = 'peer' then 1 else 0 end) as peer_touches_365d,
        sum(case when kind in ('contest_entry', 'contest_entered') then 1 else 0 end)
            as contest_entries_365d,
        sum(case when kind = 'coupon_redeemed' then 1 else 0 end)
            as coupons_redeemed_365d,
        sum(case when kind = 'email_spam_report' then 1 else 0 end)
            as spam_reports_365d,
        sum(case when kind = 'ticket_complaint' then 1 else 0 end)
            as complaints_365d,
        max(
            case
                when kind in ('view_item', 'add_to_cart', 'begin_checkout')
                    then occurred_date
            end
        ) as last_interest_date,
        max(case when kind = 'email_delivered' then occurred_at end)
            as last_delivered_at,
        max(case when kind = 'email_bounce' then occurred_at end) as last_bounced_at,
        count(
            distinct case when direction != 'outbound' and age_days < 90 then kind end
        ) as activity_breadth_90d,
        count(
            distinct case
                when direction != 'outbound' and age_days < 91
                    then {{ week_start('occurred_date') }}
            end
        ) as weeks_seen,
        count(distinct case when direction != 'outbound' then occurred_date end)
            as active_days_365d,
        count(
            distinct case
                when direction != 'outbound' and age_days < 90 then occurred_date
            end
        ) as active_days_90d,
        count(
            distinct case
                when direction != 'outbound' and age_days between 90 and 179
                    then occurred_date
            end
        ) as active_days_90d_before,
        min(case when direction != 'outbound' then occurred_date end)
            as first_active_date,
        max(case when direction != 'outbound' then occurred_date end)
            as last_active_date
    from touches
    group by customer_id

),

-- The hour is what the person chose: of what was sent to them it would be ours.
hour_uses as (

    select
        customer_id,
        local_hour,
        count(*) as use_count
    from touches
    where
        direction = 'inbound'
        and channel in ('email', 'push', 'sms', 'in_app', 'web')
        and kind != 'email_bounce'
    group by
        customer_id,
        local_hour

),

ranked_hours as (

    select
        customer_id,
        local_hour,
        use_count,
        row_number() over (
            partition by customer_id
            order by use_count desc, local_hour asc
        ) as hour_rank
    from hour_uses

),

final as (

    select
        ---------- ids
        counted.customer_id,

        ---------- numerics
        counted.own_touches_90d,
        counted.inbound_touches_30d,
        counted.inbound_touches_90d,
        counted.outbound_touches_90d,
        counted.own_touches_365d,
        counted.non_purchase_touches_365d,
        counted.convenience_touches_365d,
        counted.peer_touches_365d,
        counted.contest_entries_365d,
        counted.coupons_redeemed_365d,
        counted.spam_reports_365d,
        counted.complaints_365d,
        counted.activity_breadth_90d,
        counted.active_days_365d,
        counted.active_days_90d,
        counted.active_days_90d_before,

        ---------- dates
        counted.last_active_date,
        counted.last_interest_date,

        ---------- timestamps
        counted.last_delivered_at,
        counted.last_bounced_at,

        ---------- calculated
        -- A span of 91 days that does not begin on a Monday touches 14 weeks.
        least(counted.weeks_seen, 13) as active_weeks_13w,
        -- Two touches in one hour are a coincidence; three are a habit.
        case when ranked_hours.use_count >= 3 then ranked_hours.local_hour end
            as preferred_hour_local,
        case
            when counted.active_days_365d > 1
                then
                    cast(
                        {{ days_between(
                            'counted.first_active_date', 'counted.last_active_date'
                        ) }} as double
                    ) / (counted.active_days_365d - 1)
        end as touch_cadence_days
    from counted
    left join ranked_hours
        on
            counted.customer_id = ranked_hours.customer_id
            and ranked_hours.hour_rank = 1

)

select * from final
