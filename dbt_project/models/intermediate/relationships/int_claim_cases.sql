with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

claims as (

    select * from {{ ref('engagement_claims') }}

),

touches as (

    select * from {{ ref('int_customer_touches') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

touch_point_kinds as (

    select * from {{ ref('touch_point_kinds') }}

),

-- Everybody is judged from one day on, thirty days back: what came before is exposure,
-- what came after is outcome. Who had never bought cannot be loyal yet and leaves.
buyers as (

    select
        orders.customer_id,
        {{ add_days('run_parameters.as_of', '-30') }} as origin_date
    from orders
    cross join run_parameters
    where
        orders.customer_id is not null
        and orders.is_counted
        and orders.ordered_date <= {{ add_days('run_parameters.as_of', '-30') }}
    group by
        orders.customer_id,
        run_parameters.as_of

),

later_orders as (

    select
        buyers.customer_id,
        sum(orders.net_amount_reporting) as net_revenue,
        max(case when orders.is_counted then 1 else 0 end) as has_ordered
    from buyers
    inner join orders
        on
            buyers.customer_id = orders.customer_id
            and buyers.origin_date < orders.ordered_date
    where not orders.is_test
    group by buyers.customer_id

),

-- Joining, a completed offer and goods brought back have an outcome by their kind; only
-- what somebody said of an experience is a judgement.
own_touches as (

    select
        touches.*,
        touches.record_type in ('survey_response', 'ticket', 'review', 'interaction')
        and coalesce(touches.outcome != touch_point_kinds.default_outcome, true)
            as is_judgement
    from touches
    left join touch_point_kinds
        on touches.kind = touch_point_kinds.kind
    where touches.direction != 'outbound'

),

doings as (

    select
        customer_id,
        count(
            distinct case when age_days between 30 and 119 then occurred_date end
        ) as active_days_before,
        max(case when age_days < 30 then 1 else 0 end) as is_active_after,
        max(
            case
                when
                    age_days between 30 and 119
                    and (
                        kind = 'ticket_complaint'
                        or is_judgement and outcome = 'bad'
                    )
                    then 1
                else 0
            end
        ) as had_bad_experience,
        max(
            case
                when
                    age_days between 30 and 119
                    and is_judgement
                    and outcome = 'good'
                    then 1
                else 0
            end
        ) as had_good_experience,
        max(
            case
                when
                    age_days between 30 and 119
                    and (
                        channel = 'video'
                        or kind in (
                            'contest_entry',
                            'contest_entered',
                            'content_view',
                            'view_content',
                            'article_read',
                            'file_download',
                            'help_article_view'
                        )
                    )
                    then 1
                else 0
            end
        ) as looked_at_content
    from own_touches
    group by customer_id

),

people as (

    select
        buyers.customer_id,
        coalesce(later_orders.net_revenue, 0) as net_revenue,
        coalesce(later_orders.has_ordered, 0) as has_ordered,
        coalesce(doings.active_days_before, 0) as active_days_before,
        coalesce(doings.is_active_after, 0) as is_active_after,
        coalesce(doings.had_bad_experience, 0) as had_bad_experience,
        coalesce(doings.had_good_experience, 0) as had_good_experience,
        coalesce(doings.looked_at_content, 0) as looked_at_content
    from buyers
    left join later_orders
        on buyers.customer_id = later_orders.customer_id
    left join doings
        on buyers.customer_id = doings.customer_id

),

middle as (

    select {{ quantile('active_days_before', 0.5) }} as active_days_before
    from people

),

exposures as (

    select
        claims.claim,
        people.customer_id,
        case claims.claim
            when 'engagement_and_loyalty'
                then
                    case
                        when people.active_days_before > middle.active_days_before
                            then 1
                        else 0
                    end
            when 'bad_experience_and_return' then people.had_bad_experience
            when 'content_and_attachment' then people.looked_at_content
            when 'good_experience_and_spend' then people.had_good_experience
        end as is_exposed,
        case claims.claim
            when 'content_and_attachment' then people.is_active_after
            when 'good_experience_and_spend' then people.net_revenue
            else people.has_ordered
        end as outcome
    from people
    cross join middle
    inner join claims
        on claims.claim != 'personalisation_and_clicks'

),

-- A person may get both kinds of mailing and then stands on both sides.
mailings as (

    select
        touches.customer_id,
        touches.campaign_id,
        max(case when campaigns.is_personalised then 1 else 0 end) as is_exposed,
        max(case when touches.kind = 'email_delivered' then 1 else 0 end)
            as is_delivered,
        max(case when touches.kind = 'email_click' then 1 else 0 end) as outcome
    from touches
    inner join campaigns
        on
            touches.campaign_id = campaigns.campaign_id
            and campaigns.channel = 'email'
    where
        touches.channel = 'email'
        and touches.age_days >= 3
    group by
        touches.customer_id,
        touches.campaign_id

),

observations as (

    select
        claim,
        customer_id,
        is_exposed,
        outcome
    from exposures
    union all
    select
        'personalisation_and_clicks' as claim,
        customer_id,
        is_exposed,
        outcome
    from mailings
    where is_delivered = 1

),

final as (

    select
        ---------- ids
        claim,
        customer_id,

        ---------- calculated
        cast(sum(is_exposed) as bigint) as exposed_count,
        cast(sum(1 - is_exposed) as bigint) as other_count,
        cast(sum(is_exposed * outcome) as decimal(18, 4)) as exposed_outcome,
        cast(sum((1 - is_exposed) * outcome) as decimal(18, 4)) as other_outcome
    from observations
    group by
        claim,
        customer_id

)

select * from final
