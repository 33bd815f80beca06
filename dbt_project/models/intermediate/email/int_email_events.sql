{{ config(
    materialized=fact_materialization(),
    incremental_strategy='rewrite_touched',
    unique_key=['source', 'event_id', 'occurred_at'],
    incremental_predicates=['touched.is_rewritten'],
    meta={'touched': 'int_touched_email_events'},
) }}

-- depends_on: {{ ref('int_touched_email_events') }}
with

sendgrid_events as (

    select * from {{ ref('stg_sendgrid__events') }}
    where
        {{ is_touched(
            ref('int_touched_email_events'), ['source', 'event_id', 'occurred_at']
        ) }}

),

generic_events as (

    select * from {{ ref('stg_generic__email_events') }}
    where
        {{ is_touched(
            ref('int_touched_email_events'), ['source', 'event_id', 'occurred_at']
        ) }}

),

machine_agent_words as (

    select * from {{ ref('machine_agent_words') }}

),

events as (

    select
        source,
        event_id,
        delivery_id,
        {{ email_identifier('email_key') }} as identifier,
        email_key,
        campaign_id,
        campaign_name,
        message_id,
        event,
        url,
        user_agent,
        case when is_machine then 'mail privacy prefetch' end as vendor_reason,
        occurred_at
    from sendgrid_events
    union all
    select
        source,
        event_id,
        delivery_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier,
        email_key,
        campaign_id,
        campaign_name,
        message_id,
        event,
        url,
        user_agent,
        case when is_machine then 'vendor flag' end as vendor_reason,
        occurred_at
    from generic_events

),

-- A mail system without message ids still tells whose e-mail of which campaign it was.
threads as (

    select
        source,
        event_id,
        event,
        url,
        occurred_at,
        coalesce(email_key, identifier) as recipient,
        coalesce(message_id, campaign_id) as thread
    from events
    where event in ('delivered', 'open', 'click')

),

reactions as (

    select * from threads
    where event in ('open', 'click')

),

clicks as (

    select * from threads
    where event = 'click'

),

deliveries as (

    select * from threads
    where event = 'delivered'

),

-- Nobody opens or clicks within two seconds of delivery; a gateway that looks before it
-- lets the e-mail pass may even be logged just before the delivery.
hasty_reactions as (

    select distinct
        reactions.source,
        reactions.event_id
    from reactions
    inner join deliveries
        on
            reactions.source = deliveries.source
            and reactions.recipient = deliveries.recipient
            and reactions.thread = deliveries.thread
    where
        reactions.occurred_at between deliveries.occurred_at - interval 2 seconds
        and deliveries.occurred_at + interval 2 seconds

),

surrounded_clicks as (

    select
        source,
        event_id,
        min(url) over nearby as first_url,
        max(url) over nearby as last_url
    from clicks
    where
        thread is not null
        and recipient is not null
    window nearby as (
        partition by source, recipient, thread
        order by occurred_at
        range between interval 2 seconds preceding and interval 2 seconds following
    )

),

-- Several links at once is a scan; the same link twice is a person's double click.
sweeping_clicks as (

    select
        source,
        event_id
    from surrounded_clicks
    where first_url != last_url

),

gateway_reactions as (

    select
        source,
        event_id,
        'security gateway' as gateway_reason
    from hasty_reactions
    union distinct
    select
        source,
        event_id,
        'security gateway' as gateway_reason
    from sweeping_clicks

),

agents as (

    select distinct user_agent
    from events
    where
        event in ('open', 'click')
        and user_agent is not null

),

{{ machine_agents('machine_agents') }},

judged as (

    select
        events.*,
        coalesce(
            events.vendor_reason,
            gateway_reactions.gateway_reason,
            machine_agents.agent_reason
        ) as machine_reason
    from events
    left join gateway_reactions
        on
            events.source = gateway_reactions.source
            and events.event_id = gateway_reactions.event_id
    left join machine_agents
        on
            case when events.event in ('open', 'click') then events.user_agent end
            = machine_agents.user_agent

),

final as (

    select
        ---------- ids
        source,
        event_id,
        delivery_id,
        identifier,
        email_key,
        campaign_id,
        message_id,

        ---------- strings
        event,
        campaign_name,
        url,
        machine_reason,

        ---------- timestamps
        occurred_at,

        ---------- calculated
        machine_reason is null as is_human
    from judged
    where
        {{ is_touched(
            '(select * from ' ~ ref('int_touched_email_events') ~ ' where is_rewritten)',
            ['source', 'event_id', 'occurred_at'],
        ) }}

)

select * from final
