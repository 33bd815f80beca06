with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

declared_campaigns as (

    select * from {{ ref('int_campaigns') }}

),

costs as (

    select * from {{ ref('int_campaign_costs') }}

),

email_campaigns as (

    select * from {{ ref('email_campaigns') }}

),

interactions as (

    select * from {{ ref('interactions') }}

),

campaign_responses as (

    select * from {{ ref('int_campaign_responses') }}

),

campaign_credits as (

    select * from {{ ref('int_campaign_credits') }}

),

campaign_lifts as (

    select * from {{ ref('int_campaign_lifts') }}

),

declarations as (

    select
        campaign_id,
        channel,
        min(source) as source,
        max(campaign_name) as campaign_name,
        max(objective) as objective,
        max(audience_size) as audience_size,
        max(is_personalised) as is_personalised,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        max(deadline_at) as deadline_at,
        max(last_day_starts_at) as last_day_starts_at
    from declared_campaigns
    group by
        campaign_id,
        channel

),

email_totals as (

    select
        campaign_id,
        'email' as channel,
        min(source) as source,
        max(campaign_name) as campaign_name,
        sum(delivered_count) as delivered_count,
        sum(human_open_count) as human_open_count,
        sum(unsubscribe_count) as unsubscribe_count,
        sum(complaint_count) as complaint_count,
        sum(withheld_count) as withheld_count,
        min(first_delivered_at) as first_delivered_at
    from email_campaigns
    where campaign_id != '(none)'
    group by campaign_id

),

-- What other systems report of a campaign; the mail system counts its own e-mails.
other_touches as (

    select
        campaign_id,
        channel,
        coalesce(customer_id, identifier, interaction_id) as person,
        min(source) as source,
        max(case when direction = 'outbound' then 1 else 0 end) as is_reached,
        min(occurred_at) as first_delivered_at
    from interactions
    where
        campaign_id is not null
        and record_type = 'interaction'
    group by
        campaign_id,
        channel,
        coalesce(customer_id, identifier, interaction_id)

),

other_totals as (

    select
        campaign_id,
        channel,
        min(source) as source,
        sum(is_reached) as delivered_count,
        min(first_delivered_at) as first_delivered_at
    from other_touches
    group by
        campaign_id,
        channel

),

campaign_channels as (

    select
        campaign_id,
        channel
    from declarations
    union distinct
    select
        campaign_id,
        channel
    from email_totals
    union distinct
    select
        campaign_id,
        channel
    from other_totals

),

people as (

    select
        campaign_responses.campaign_id,
        campaign_responses.channel,
        campaign_responses.person,
        max(
            case
                when campaign_responses.responded_at <= declarations.deadline_at
                    then 1
                else 0
            end
        ) as responded_in_time,
        max(
            case
                when
                    campaign_responses.responded_at <= declarations.deadline_at
                    and campaign_responses.responded_at
                    >= declarations.last_day_starts_at
                    then 1
                else 0
            end
        ) as responded_on_last_day
    from campaign_responses
    left join declarations
        on
            campaign_responses.campaign_id = declarations.campaign_id
            and campaign_responses.channel = declarations.channel
    group by
        campaign_responses.campaign_id,
        campaign_responses.channel,
        campaign_responses.person

),

response_totals as (

    select
        campaign_id,
        channel,
        count(*) as response_count,
        sum(responded_in_time) as in_time_count,
        sum(responded_on_last_day) as last_day_count
    from people
    group by
        campaign_id,
        channel

),

credit_totals as (

    select
        campaign_id,
        channel,
        count(*) as attributed_order_count,
        sum(net_amount_reporting) as attributed_revenue
    from campaign_credits
    group by
        campaign_id,
        channel

),

-- Where two mail systems ran the same campaign id, the larger control group speaks.
ranked_lifts as (

    select
        *,
        row_number() over (
            partition by campaign_id
            order by control_count desc, source asc
        ) as lift_rank
    from campaign_lifts

),

lifts as (

    select
        *,
        'email' as channel
    from ranked_lifts
    where lift_rank = 1

),

final as (

    select
        ---------- ids
        campaign_channels.campaign_id,

        ---------- strings
        campaign_channels.channel,
        declarations.objective,
        run_parameters.reporting_currency,

        ---------- numerics
        costs.cost,
        declarations.audience_size,
        lifts.treated_count,
        lifts.treated_visit_rate,
        lifts.control_visit_rate,
        lifts.visit_lift,
        lifts.visit_lift_low,
        lifts.visit_lift_high,
        lifts.treated_order_rate,
        lifts.control_order_rate,
        lifts.order_lift,
        lifts.order_lift_low,
        lifts.order_lift_high,
        lifts.treated_mean_spend,
        lifts.control_mean_spend,
        lifts.spend_lift,
        lifts.spend_lift_low,
        lifts.spend_lift_high,

        ---------- booleans
        declarations.is_personalised,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        declarations.ended_at,
        declarations.deadline_at,

        ---------- calculated
        cast(email_totals.human_open_count as bigint) as human_open_count,
        cast(
            coalesce(email_totals.delivered_count, 0)
            + coalesce(other_totals.delivered_count, 0) as bigint
        ) as delivered_count,
        cast(
            coalesce(response_totals.response_count, 0) as bigint
        ) as response_count,
        cast(
            coalesce(email_totals.unsubscribe_count, 0) as bigint
        ) as unsubscribe_count,
        cast(coalesce(email_totals.complaint_count, 0) as bigint) as complaint_count,
        cast(
            coalesce(credit_totals.attributed_order_count, 0) as bigint
        ) as attributed_order_count,
        cast(
            coalesce(credit_totals.attributed_revenue, 0) as decimal(18, 4)
        ) as attributed_revenue,

        ---------- calculated
        campaign_channels.campaign_id
        || '|'
        || campaign_channels.channel as campaign_channel_id,
        coalesce(
            declarations.source, email_totals.source, other_totals.source
        ) as source,
        coalesce(
            declarations.campaign_name, email_totals.campaign_name
        ) as campaign_name,
        case
            when declarations.deadline_at is not null
                then
                    cast(response_totals.last_day_count as double)
                    / nullif(response_totals.in_time_count, 0)
        end as deadline_response_rate,
        coalesce(lifts.control_count, 0) as control_count,
        coalesce(
            declarations.started_at,
            email_totals.first_delivered_at,
            other_totals.first_delivered_at
        ) as started_at
    from campaign_channels
    cross join run_parameters
    left join declarations
        on
            campaign_channels.campaign_id = declarations.campaign_id
            and campaign_channels.channel = declarations.channel
    left join costs
        on
            campaign_channels.campaign_id = costs.campaign_id
            and campaign_channels.channel = costs.channel
    left join email_totals
        on
            campaign_channels.campaign_id = email_totals.campaign_id
            and campaign_channels.channel = email_totals.channel
    left join other_totals
        on
            campaign_channels.campaign_id = other_totals.campaign_id
            and campaign_channels.channel = other_totals.channel
    left join response_totals
        on
            campaign_channels.campaign_id = response_totals.campaign_id
            and campaign_channels.channel = response_totals.channel
    left join credit_totals
        on
            campaign_channels.campaign_id = credit_totals.campaign_id
            and campaign_channels.channel = credit_totals.channel
    left join lifts
        on
            campaign_channels.campaign_id = lifts.campaign_id
            and campaign_channels.channel = lifts.channel

)

select * from final
