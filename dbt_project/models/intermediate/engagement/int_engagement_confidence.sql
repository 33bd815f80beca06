with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

states as (

    select * from {{ ref('int_engagement_states') }}

),

settings as (

    select * from {{ ref('int_engagement_settings') }}

),

observed as (

    select
        customer_id,
        sum(observations) as observations,
        max(last_active_date) as last_active_date
    from states
    where days_ago = 0
    group by customer_id

),

-- What the company sent says nothing of where the customer can be heard.
customer_channels as (

    select distinct
        identity_assignments.customer_id,
        interactions.channel
    from interactions
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    cross join run_parameters
    cross join settings
    where
        interactions.is_human
        and interactions.direction <> 'outbound'
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
        and {{ days_between(
            local_date('interactions.occurred_at', 'run_parameters.time_zone'),
            'run_parameters.as_of'
        ) }} < settings.evidence_window_days

),

-- A channel weighs as many customers as it reaches, so that a rare channel is not
-- missed.
channel_reach as (

    select
        channel,
        count(*) as customer_count
    from customer_channels
    group by channel

),

total_reach as (

    select sum(customer_count) as customer_count
    from channel_reach

),

customer_reach as (

    select
        customer_channels.customer_id,
        sum(channel_reach.customer_count) as customer_count,
        count(*) as channel_count
    from customer_channels
    inner join channel_reach
        on customer_channels.channel = channel_reach.channel
    group by customer_channels.customer_id

),

factors as (

    select
        observed.customer_id,
        observed.last_active_date,
        cast(observed.observations as double) as observations,
        coalesce(customer_reach.channel_count, 0) as channel_count,
        coalesce(
            cast(customer_reach.customer_count as double)
            / cast(total_reach.customer_count as double),
            0
        ) as coverage,
        1 - exp(
            -cast(observed.observations as double)
            / cast(settings.confidence_observations as double)
        ) as sufficiency,
        power(
            cast(2 as double),
            -cast(
                {{ days_between('observed.last_active_date', 'run_parameters.as_of') }}
                as double
            )
            / cast(settings.freshness_half_life_days as double)
        ) as freshness
    from observed
    cross join total_reach
    cross join run_parameters
    cross join settings
    left join customer_reach
        on observed.customer_id = customer_reach.customer_id

),

final as (

    select
        ---------- ids
        customer_id,

        ---------- numerics
        observations,
        channel_count,
        coverage,
        freshness,

        ---------- dates
        last_active_date,

        ---------- calculated
        sufficiency * coverage * freshness as confidence
    from factors

)

select * from final
