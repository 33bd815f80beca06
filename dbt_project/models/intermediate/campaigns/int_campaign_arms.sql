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

campaign_sources as (

    select * from {{ ref('int_email_campaign_sources') }}

),

controlled_campaigns as (

    select distinct
        campaign_sources.mail_source,
        email_events.campaign_id
    from email_events
    inner join campaign_sources
        on
            email_events.source = campaign_sources.source
            and email_events.campaign_id = campaign_sources.campaign_id
    where email_events.event = 'withheld'

),

arm_events as (

    select
        controlled_campaigns.mail_source as source,
        email_events.campaign_id,
        email_events.event,
        email_events.occurred_at,
        identity_assignments.customer_id,
        coalesce(
            identity_assignments.customer_id,
            email_events.identifier,
            email_events.event_id
        ) as person
    from email_events
    inner join campaign_sources
        on
            email_events.source = campaign_sources.source
            and email_events.campaign_id = campaign_sources.campaign_id
    inner join controlled_campaigns
        on
            campaign_sources.mail_source = controlled_campaigns.mail_source
            and campaign_sources.campaign_id = controlled_campaigns.campaign_id
    cross join run_parameters
    left join identity_assignments
        on
            email_events.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'email_events.occurred_at') }}
    where
        email_events.event in ('delivered', 'withheld')
        and {{ local_date('email_events.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

people as (

    select
        source,
        campaign_id,
        person,
        min(customer_id) as customer_id,
        min(event) as first_event_name,
        max(event) as last_event_name,
        min(occurred_at) as assigned_at
    from arm_events
    group by
        source,
        campaign_id,
        person

),

-- Whoever was both spared and written to belongs to neither group and is left out.
final as (

    select
        ---------- ids
        source,
        campaign_id,
        person,
        customer_id,

        ---------- timestamps
        assigned_at,

        ---------- calculated
        case first_event_name
            when 'withheld' then 'control'
            else 'treated'
        end as arm
    from people
    where first_event_name = last_event_name

)

select * from final
