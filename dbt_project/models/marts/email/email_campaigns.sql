with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

email_events as (

    select * from {{ ref('int_email_events') }}

),

campaign_sources as (

    select * from {{ ref('int_email_campaign_sources') }}

),

campaign_credits as (

    select * from {{ ref('int_campaign_credits') }}

),

-- E-mails without a campaign (receipts, passwords) are one row of their own.
campaign_events as (

    select
        email_events.event,
        email_events.is_human,
        email_events.occurred_at,
        coalesce(campaign_sources.mail_source, email_events.source) as source,
        coalesce(email_events.campaign_id, '(none)') as campaign_id,
        case
            when email_events.campaign_id is not null
                then email_events.campaign_name
        end as campaign_name,
        coalesce(
            email_events.email_key, email_events.identifier, email_events.event_id
        ) as recipient
    from email_events
    cross join run_parameters
    left join campaign_sources
        on
            email_events.source = campaign_sources.source
            and email_events.campaign_id = campaign_sources.campaign_id
    where
        {{ local_date('email_events.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

recipients as (

    select
        source,
        campaign_id,
        recipient,
        max(campaign_name) as campaign_name,
        max(case when event = 'delivered' then 1 else 0 end) as delivered,
        max(case when event = 'open' then 1 else 0 end) as opened,
        max(case when event = 'open' and is_human then 1 else 0 end) as human_opened,
        max(case when event = 'click' then 1 else 0 end) as clicked,
        max(case when event = 'click' and is_human then 1 else 0 end) as human_clicked,
        max(case when event = 'unsubscribe' then 1 else 0 end) as unsubscribed,
        max(case when event = 'spam_report' then 1 else 0 end) as complained,
        max(case when event = 'bounce' then 1 else 0 end) as bounced,
        max(case when event = 'reply' then 1 else 0 end) as replied,
        max(case when event = 'withheld' then 1 else 0 end) as withheld,
        min(case when event = 'delivered' then occurred_at end) as first_delivered_at,
        max(occurred_at) as last_event_at
    from campaign_events
    group by
        source,
        campaign_id,
        recipient

),

campaign_totals as (

    select
        source,
        campaign_id,
        cast(sum(delivered) as bigint) as delivered_count,
        cast(sum(opened) as bigint) as raw_open_count,
        cast(sum(human_opened) as bigint) as human_open_count,
        cast(sum(delivered * opened * (1 - human_opened)) as bigint)
            as machine_only_open_count,
        cast(sum(clicked) as bigint) as raw_click_count,
        cast(sum(human_clicked) as bigint) as human_click_count,
        cast(sum(unsubscribed) as bigint) as unsubscribe_count,
        cast(sum(complained) as bigint) as complaint_count,
        cast(sum(bounced) as bigint) as bounce_count,
        cast(sum(replied) as bigint) as reply_count,
        cast(sum(withheld) as bigint) as withheld_count,
        max(campaign_name) as campaign_name,
        min(first_delivered_at) as first_delivered_at,
        max(last_event_at) as last_event_at
    from recipients
    group by
        source,
        campaign_id

),

credit_totals as (

    select
        source,
        campaign_id,
        cast(sum(net_amount_reporting) as decimal(18, 4)) as attributed_revenue,
        count(*) as attributed_order_count
    from campaign_credits
    where channel = 'email'
    group by
        source,
        campaign_id

),

final as (

    select
        ---------- ids
        campaign_totals.source,
        campaign_totals.campaign_id,

        ---------- strings
        campaign_totals.campaign_name,
        run_parameters.reporting_currency,

        ---------- numerics
        campaign_totals.delivered_count,
        campaign_totals.raw_open_count,
        campaign_totals.human_open_count,
        campaign_totals.machine_only_open_count,
        campaign_totals.raw_click_count,
        campaign_totals.human_click_count,
        campaign_totals.unsubscribe_count,
        campaign_totals.complaint_count,
        campaign_totals.bounce_count,
        campaign_totals.reply_count,
        campaign_totals.withheld_count,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        campaign_totals.first_delivered_at,
        campaign_totals.last_event_at,

        ---------- calculated
        campaign_totals.source
        || '|'
        || campaign_totals.campaign_id as email_campaign_id,
        campaign_totals.delivered_count
        - campaign_totals.machine_only_open_count as human_open_base_count,
        cast(campaign_totals.raw_open_count as double)
        / nullif(campaign_totals.delivered_count, 0) as raw_open_rate,
        cast(campaign_totals.human_open_count as double)
        / nullif(
            campaign_totals.delivered_count - campaign_totals.machine_only_open_count,
            0
        ) as human_open_rate,
        cast(campaign_totals.human_click_count as double)
        / nullif(campaign_totals.delivered_count, 0) as human_click_rate,
        coalesce(credit_totals.attributed_order_count, 0) as attributed_order_count,
        coalesce(credit_totals.attributed_revenue, 0) as attributed_revenue
    from campaign_totals
    cross join run_parameters
    left join credit_totals
        on
            campaign_totals.source = credit_totals.source
            and campaign_totals.campaign_id = credit_totals.campaign_id

)

select * from final
