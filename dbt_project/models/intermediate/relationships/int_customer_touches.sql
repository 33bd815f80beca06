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

-- A year of human touches, those sent by the company included; touches of nobody known
-- leave.
final as (

    select
        ---------- ids
        interactions.interaction_id,
        identity_assignments.customer_id,
        interactions.campaign_id,

        ---------- strings
        interactions.record_type,
        interactions.channel,
        interactions.kind,
        interactions.direction,
        interactions.engagement_type,
        interactions.journey_stage,
        interactions.outcome,

        ---------- dates
        {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
            as occurred_date,
        run_parameters.as_of,

        ---------- timestamps
        interactions.occurred_at,

        ---------- calculated
        cast(
            extract(
                hour from {{ local_timestamp(
                    'interactions.occurred_at', 'run_parameters.time_zone'
                ) }}
            ) as integer
        ) as local_hour,
        {{ days_between(
            local_date('interactions.occurred_at', 'run_parameters.time_zone'),
            'run_parameters.as_of'
        ) }} as age_days
    from interactions
    cross join run_parameters
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    where
        interactions.is_human
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        > {{ add_days('run_parameters.as_of', '-365') }}

)

select * from final
