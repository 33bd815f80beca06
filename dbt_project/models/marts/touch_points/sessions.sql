with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

int_sessions as (

    select * from {{ ref('int_sessions') }}

),

final as (

    select
        ---------- ids
        int_sessions.session_id,
        int_sessions.source,
        identity_assignments.customer_id,
        int_sessions.identifier,

        ---------- strings
        int_sessions.channel,
        int_sessions.traffic_source,
        int_sessions.traffic_medium,
        int_sessions.campaign,
        int_sessions.country,
        int_sessions.device,
        int_sessions.machine_reason,

        ---------- numerics
        int_sessions.page_views,
        int_sessions.event_count,
        int_sessions.engagement_seconds,
        int_sessions.duration_seconds,

        ---------- booleans
        int_sessions.is_converted,
        int_sessions.is_human,

        ---------- dates
        {{ local_date('int_sessions.started_at', 'run_parameters.time_zone') }}
            as started_date,
        run_parameters.as_of,

        ---------- timestamps
        int_sessions.started_at,
        int_sessions.ended_at
    from int_sessions
    cross join run_parameters
    left join identity_assignments
        on
            int_sessions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'int_sessions.started_at') }}

)

select * from final
