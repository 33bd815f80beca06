with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

email_events as (

    select * from {{ ref('int_email_events') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'email'

),

{{ kpi_reach('reach') }},

-- A mail system without message ids still tells whose e-mail of which campaign it was.
threads as (

    select
        source,
        identifier,
        event,
        is_human,
        occurred_at,
        coalesce(email_key, identifier) as recipient,
        coalesce(message_id, campaign_id, event_id) as thread
    from email_events

),

-- What happened later to an e-mail counts on the day it was delivered, so that a rate
-- never compares today's opens with yesterday's e-mails.
outcomes as (

    select
        source,
        recipient,
        thread,
        max(identifier) as identifier,
        min(case when event = 'delivered' then occurred_at end) as delivered_at,
        max(case when event = 'open' then 1 else 0 end) as is_opened,
        max(case when event = 'open' and is_human then 1 else 0 end)
            as is_opened_by_person,
        max(case when event = 'open' and not is_human then 1 else 0 end)
            as is_opened_by_machine,
        max(case when event = 'click' and is_human then 1 else 0 end) as is_clicked,
        max(case when event = 'unsubscribe' then 1 else 0 end) as is_unsubscribed,
        max(case when event = 'spam_report' then 1 else 0 end) as is_complained
    from threads
    group by
        source,
        recipient,
        thread

),

-- What was never delivered could not be opened: it leaves here.
deliveries as (

    select
        outcomes.*,
        coalesce(
            identity_assignments.customer_id,
            outcomes.recipient,
            outcomes.source || '|' || outcomes.thread
        ) as cluster_id,
        {{ local_date('outcomes.delivered_at', 'run_parameters.time_zone') }}
            as delivered_date
    from outcomes
    cross join run_parameters
    left join identity_assignments
        on
            outcomes.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'outcomes.delivered_at') }}
    where outcomes.delivered_at is not null

),

recipient_days as (

    select
        cluster_id,
        delivered_date,
        count(*) as delivered,
        sum(is_opened) as opened,
        sum(1 - is_opened_by_machine) as delivered_without_machine,
        sum((1 - is_opened_by_machine) * is_opened_by_person)
            as opened_without_machine,
        sum(is_clicked) as clicked,
        sum((1 - is_opened_by_machine) * is_opened_by_person * is_clicked)
            as opened_and_clicked_without_machine,
        sum((1 - is_opened_by_machine) * is_clicked) as clicked_without_machine,
        sum(is_opened_by_machine * is_clicked) as clicked_with_machine,
        sum(is_unsubscribed) as unsubscribed,
        sum(is_complained) as complained
    from deliveries
    group by
        cluster_id,
        delivered_date

),

reached_days as (

    select recipient_days.*
    from recipient_days
    cross join reach
    where recipient_days.delivered_date > reach.before_first_date

),

-- A machine's open hides whether the person opened, too; a click shows that they did.
-- How often people open without clicking is learnt where no machine opened.
unclicked as (

    select
        cast(
            sum(opened_without_machine) - sum(opened_and_clicked_without_machine)
            as double
        )
        / nullif(
            sum(delivered_without_machine) - sum(clicked_without_machine), 0
        ) as open_rate
    from reached_days

),

measured as (

    select
        metrics.metric,
        metrics.window_days,
        reached_days.cluster_id,
        reached_days.delivered_date,
        case metrics.metric
            when 'email_open_rate_raw' then reached_days.opened
            when 'email_open_rate_machine_excluded'
                then reached_days.opened_without_machine
            when 'email_open_rate_estimated'
                then
                    reached_days.opened_without_machine
                    + reached_days.clicked_with_machine
                    + unclicked.open_rate
                    * (
                        reached_days.delivered
                        - reached_days.delivered_without_machine
                        - reached_days.clicked_with_machine
                    )
            when 'email_click_rate' then reached_days.clicked
            when 'email_unsubscribe_rate' then reached_days.unsubscribed
            when 'email_complaint_rate' then reached_days.complained
        end as numerator,
        case
            when metrics.metric = 'email_open_rate_machine_excluded'
                then reached_days.delivered_without_machine
            else reached_days.delivered
        end as denominator
    from reached_days
    cross join metrics
    cross join unclicked

),

-- Where a machine opened everything nothing can be learnt: the estimate leaves.
final as (

    select
        ---------- ids
        metric,
        'all' as segment,
        'all' as channel,
        cluster_id,

        ---------- numerics
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        denominator as observations,

        ---------- dates
        delivered_date as starts_on,
        {{ add_days('delivered_date', 'window_days') }} as ends_on
    from measured
    where numerator is not null

)

select * from final
