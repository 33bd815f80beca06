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

-- An e-mail is answered by a click; an open may be a glance, or a machine that hides as
-- a person. On other channels whatever a person does in return is an answer.
final as (

    select
        ---------- ids
        interactions.interaction_id as response_id,
        interactions.source,
        interactions.campaign_id,
        identity_assignments.customer_id,

        ---------- strings
        interactions.channel,

        ---------- timestamps
        interactions.occurred_at as responded_at,

        ---------- calculated
        coalesce(
            identity_assignments.customer_id,
            interactions.identifier,
            interactions.interaction_id
        ) as person
    from interactions
    cross join run_parameters
    left join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    where
        interactions.campaign_id is not null
        and interactions.is_human
        and (
            interactions.kind = 'email_click'
            or (
                interactions.record_type = 'interaction'
                and interactions.channel != 'email'
                and interactions.direction != 'outbound'
            )
        )
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

)

select * from final
