with

profiles as (

    select * from {{ ref('int_customer_profiles') }}

),

consents as (

    select * from {{ ref('int_customer_consents') }}

),

memberships as (

    select * from {{ ref('int_loyalty_memberships') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('orders') }}

),

interactions as (

    select * from {{ ref('interactions') }}

),

sessions as (

    select * from {{ ref('sessions') }}

),

engagement_scores as (

    select * from {{ ref('customer_engagement_scores') }}

),

consents_by_channel as (

    select
        customer_id,
        max(case when channel = 'email' then state end) as email_consent,
        max(case when channel = 'sms' then state end) as sms_consent,
        max(case when channel = 'push' then state end) as push_consent,
        max(case when channel in ('call', 'phone') then state end) as call_consent
    from consents
    group by customer_id

),

-- The membership in force when the run's day ends; of several, the newest.
current_memberships as (

    select
        identity_assignments.customer_id,
        coalesce(memberships.tier, 'member') as loyalty_tier,
        row_number() over (
            partition by identity_assignments.customer_id
            order by memberships.valid_from desc, memberships.membership_id asc
        ) as membership_rank
    from memberships
    cross join run_parameters
    inner join identity_assignments
        on
            memberships.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'memberships.valid_from') }}
    where
        {{ local_date('memberships.valid_from', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
        and (
            memberships.valid_to is null
            or {{ local_date('memberships.valid_to', 'run_parameters.time_zone') }}
            > run_parameters.as_of
        )

),

customer_orders as (

    select
        customer_id,
        count(case when is_counted then 1 end) as order_count,
        sum(net_amount_reporting) as net_value,
        min(case when is_counted then ordered_at end) as first_order_at,
        max(case when is_counted then ordered_at end) as last_order_at,
        min(ordered_at) as first_document_at,
        max(case when customer_order_number = 1 then channel end)
            as first_order_channel,
        max(case when customer_order_number = 1 then country end)
            as first_order_country
    from orders
    where customer_id is not null and not is_test
    group by customer_id

),

-- Seen is what the person did, not what was sent to them or what a machine clicked.
own_doings as (

    select
        customer_id,
        min(occurred_at) as first_done_at,
        max(occurred_at) as last_done_at,
        min(case when channel = 'web' then occurred_at end) as first_web_at,
        max(case when channel = 'web' then occurred_at end) as last_web_at,
        min(case when channel = 'email' then occurred_at end) as first_email_at,
        max(case when channel = 'email' then occurred_at end) as last_email_at,
        min(case when channel = 'in_app' then occurred_at end) as first_in_app_at,
        max(case when channel = 'in_app' then occurred_at end) as last_in_app_at,
        min(case when channel = 'store' then occurred_at end) as first_store_at,
        max(case when channel = 'store' then occurred_at end) as last_store_at,
        min(case when channel = 'call' then occurred_at end) as first_call_at,
        max(case when channel = 'call' then occurred_at end) as last_call_at,
        min(case when channel = 'social' then occurred_at end) as first_social_at,
        max(case when channel = 'social' then occurred_at end) as last_social_at,
        count(
            distinct case
                when {{ days_between('occurred_date', 'as_of') }} < 90 then channel
            end
        ) as channels_used_90d,
        max(
            case
                when {{ days_between('occurred_date', 'as_of') }} < 90 and is_online
                    then 1
                else 0
            end
        )
        * max(
            case
                when {{ days_between('occurred_date', 'as_of') }} < 90 and not is_online
                    then 1
                else 0
            end
        ) = 1 as is_omnichannel
    from interactions
    where customer_id is not null and is_human and direction != 'outbound'
    group by customer_id

),

channel_uses as (

    select
        customer_id,
        channel,
        count(*) as use_count
    from interactions
    where
        customer_id is not null
        and is_human
        and direction != 'outbound'
        and {{ days_between('occurred_date', 'as_of') }} < 365
    group by customer_id, channel

),

ranked_channels as (

    select
        customer_id,
        channel,
        row_number() over (
            partition by customer_id
            order by use_count desc, channel asc
        ) as use_rank
    from channel_uses

),

ranked_sessions as (

    select
        customer_id,
        channel,
        row_number() over (
            partition by customer_id
            order by started_at, session_id
        ) as session_number
    from sessions
    where customer_id is not null and is_human

),

-- How the person was won is what the CRM says, else the first session, else the first
-- order; where nothing says it: unknown.
assembled as (

    select
        profiles.customer_id,
        profiles.account_id,
        profiles.lifecycle_stage as source_lifecycle_stage,
        profiles.region,
        profiles.industry,
        profiles.language,
        profiles.owner_team,
        profiles.identifier_count,
        profiles.source_count,
        run_parameters.as_of,
        run_parameters.time_zone,
        customer_orders.first_order_at,
        customer_orders.last_order_at,
        own_doings.first_web_at,
        own_doings.last_web_at,
        own_doings.first_email_at,
        own_doings.last_email_at,
        own_doings.first_in_app_at,
        own_doings.last_in_app_at,
        own_doings.first_store_at,
        own_doings.last_store_at,
        own_doings.first_call_at,
        own_doings.last_call_at,
        own_doings.first_social_at,
        own_doings.last_social_at,
        own_doings.last_done_at,
        current_memberships.loyalty_tier,
        ranked_channels.channel as preferred_channel,
        engagement_scores.score as engagement_score,
        coalesce(profiles.country, customer_orders.first_order_country) as country,
        coalesce(
            profiles.acquisition_channel,
            ranked_sessions.channel,
            customer_orders.first_order_channel,
            'unknown'
        ) as acquisition_channel,
        coalesce(consents_by_channel.email_consent, 'unknown') as email_consent,
        coalesce(consents_by_channel.sms_consent, 'unknown') as sms_consent,
        coalesce(consents_by_channel.push_consent, 'unknown') as push_consent,
        coalesce(consents_by_channel.call_consent, 'unknown') as call_consent,
        coalesce(customer_orders.order_count, 0) as order_count,
        coalesce(customer_orders.net_value, 0) as net_value,
        coalesce(own_doings.channels_used_90d, 0) as channels_used_90d,
        coalesce(own_doings.is_omnichannel, false) as is_omnichannel,
        least(
            coalesce(profiles.first_seen_at, timestamp '9999-12-31'),
            coalesce(customer_orders.first_document_at, timestamp '9999-12-31'),
            coalesce(own_doings.first_done_at, timestamp '9999-12-31')
        ) as earliest_at,
        cast(profiles.has_email as integer)
        + cast(profiles.has_phone as integer)
        + cast(profiles.has_name as integer)
        + cast(profiles.has_address as integer)
        + case
            when coalesce(profiles.country, customer_orders.first_order_country) is null
                then 0
            else 1
        end
        + case when profiles.language is null then 0 else 1 end as details_known
    from profiles
    cross join run_parameters
    left join customer_orders
        on profiles.customer_id = customer_orders.customer_id
    left join own_doings
        on profiles.customer_id = own_doings.customer_id
    left join consents_by_channel
        on profiles.customer_id = consents_by_channel.customer_id
    left join current_memberships
        on
            profiles.customer_id = current_memberships.customer_id
            and current_memberships.membership_rank = 1
    left join ranked_channels
        on
            profiles.customer_id = ranked_channels.customer_id
            and ranked_channels.use_rank = 1
    left join ranked_sessions
        on
            profiles.customer_id = ranked_sessions.customer_id
            and ranked_sessions.session_number = 1
    left join engagement_scores
        on profiles.customer_id = engagement_scores.customer_id

),

-- A record without any time (a CRM that keeps none) was first seen nobody knows when.
final as (

    select
        ---------- ids
        customer_id,
        account_id,

        ---------- strings
        source_lifecycle_stage,
        acquisition_channel,
        preferred_channel,
        loyalty_tier,
        email_consent,
        sms_consent,
        push_consent,
        call_consent,
        country,
        region,
        industry,
        language,
        owner_team,

        ---------- numerics
        identifier_count,
        source_count,
        order_count,
        engagement_score,
        channels_used_90d,

        ---------- booleans
        is_omnichannel,

        ---------- dates
        as_of,

        ---------- timestamps
        first_order_at,
        last_order_at,
        first_web_at,
        last_web_at,
        first_email_at,
        last_email_at,
        first_in_app_at,
        last_in_app_at,
        first_store_at,
        last_store_at,
        first_call_at,
        last_call_at,
        first_social_at,
        last_social_at,

        ---------- calculated
        nullif(earliest_at, timestamp '9999-12-31') as first_seen_at,
        coalesce(last_done_at, nullif(earliest_at, timestamp '9999-12-31'))
            as last_seen_at,
        -- orders speak louder than a stage that nobody moved on
        case
            when
                order_count > 0
                and coalesce(source_lifecycle_stage, 'lead') in (
                    'subscriber',
                    'lead',
                    'marketingqualifiedlead',
                    'salesqualifiedlead',
                    'opportunity',
                    'prospect',
                    'other'
                )
                then 'customer'
            when source_lifecycle_stage is not null then source_lifecycle_stage
            when email_consent = 'granted' then 'subscriber'
            else 'lead'
        end as lifecycle_stage,
        cast(net_value as decimal(18, 4)) as net_value,
        cast(details_known / 6.0 as decimal(9, 6)) as profile_completeness,
        case
            when earliest_at != timestamp '9999-12-31'
                then
                    {{ days_between(
                        local_date('earliest_at', 'time_zone'), 'as_of'
                    ) }}
        end as tenure_days,
        case
            when first_order_at is not null
                then
                    {{ days_between(
                        local_date('earliest_at', 'time_zone'),
                        local_date('first_order_at', 'time_zone')
                    ) }}
        end as days_to_first_order
    from assembled

)

select * from final
