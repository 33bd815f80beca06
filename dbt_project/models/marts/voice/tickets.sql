with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

channel_names as (

    select * from {{ ref('channel_names') }}

),

int_tickets as (

    select * from {{ ref('int_tickets') }}

),

-- A response or solution after the day as_of is not known yet. One before the ticket
-- was opened is a clock error and no duration.
dated as (

    select
        int_tickets.*,
        run_parameters.as_of,
        case
            when
                int_tickets.first_response_at >= int_tickets.created_at
                and {{ local_date(
                    'int_tickets.first_response_at', 'run_parameters.time_zone'
                ) }} <= run_parameters.as_of
                then int_tickets.first_response_at
        end as known_first_response_at,
        case
            when
                int_tickets.resolved_at >= int_tickets.created_at
                and {{ local_date(
                    'int_tickets.resolved_at', 'run_parameters.time_zone'
                ) }} <= run_parameters.as_of
                then int_tickets.resolved_at
        end as known_resolved_at
    from int_tickets
    cross join run_parameters
    where
        {{ local_date('int_tickets.created_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

final as (

    select
        ---------- ids
        dated.source || '|' || dated.ticket_id as ticket_key,
        dated.ticket_id,
        dated.source,
        identity_assignments.customer_id,
        dated.identifier,

        ---------- strings
        dated.kind,
        coalesce(channel_names.channel, dated.channel) as channel,
        dated.status,
        dated.owner_team,
        dated.satisfaction,

        ---------- numerics
        cast(
            {{ seconds_between('dated.created_at', 'dated.known_first_response_at') }}
            / 60.0 as decimal(18, 4)
        ) as first_response_minutes,
        cast(
            {{ seconds_between('dated.created_at', 'dated.known_resolved_at') }}
            / 3600.0 as decimal(18, 4)
        ) as resolution_hours,

        ---------- booleans
        dated.is_complaint,
        dated.known_resolved_at is not null as is_resolved,

        ---------- dates
        dated.as_of,

        ---------- timestamps
        dated.created_at,
        dated.known_first_response_at as first_response_at,
        dated.known_resolved_at as resolved_at
    from dated
    left join channel_names
        on dated.channel = channel_names.channel_name
    left join identity_assignments
        on
            dated.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'dated.created_at') }}

)

select * from final
