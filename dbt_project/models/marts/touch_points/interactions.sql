with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

int_interactions as (

    select * from {{ ref('int_interactions') }}

),

-- What happened after the day as_of belongs to a later run.
final as (

    select
        ---------- ids
        int_interactions.interaction_id,
        int_interactions.source,
        int_interactions.record_id,
        identity_assignments.customer_id,
        int_interactions.identifier,
        int_interactions.campaign_id,
        int_interactions.product_id,
        int_interactions.location_id,

        ---------- strings
        int_interactions.record_type,
        int_interactions.channel,
        int_interactions.kind,
        int_interactions.direction,
        int_interactions.dimension,
        int_interactions.engagement_type,
        int_interactions.journey_stage,
        int_interactions.outcome,
        int_interactions.category,
        int_interactions.signal,
        int_interactions.machine_reason,

        ---------- booleans
        int_interactions.is_online,
        int_interactions.is_human,

        ---------- dates
        {{ local_date('int_interactions.occurred_at', 'run_parameters.time_zone') }}
            as occurred_date,
        run_parameters.as_of,

        ---------- timestamps
        int_interactions.occurred_at
    from int_interactions
    cross join run_parameters
    left join identity_assignments
        on
            int_interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'int_interactions.occurred_at') }}
    where
        {{ local_date('int_interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

)

select * from final
