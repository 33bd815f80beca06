with

consents as (

    select * from {{ ref('int_consents') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- The latest decision holds; of two in one moment, the refusal.
ranked as (

    select
        identity_assignments.customer_id,
        consents.channel,
        consents.state,
        consents.decided_at,
        row_number() over (
            partition by identity_assignments.customer_id, consents.channel
            order by
                consents.decided_at desc,
                case consents.state when 'denied' then 0 else 1 end asc,
                consents.consent_id asc
        ) as decision_rank
    from consents
    cross join run_parameters
    inner join identity_assignments
        on
            consents.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'consents.decided_at') }}
    -- permission to profile or to analyse is another question than to send marketing
    where
        consents.purpose = 'marketing'
        and {{ local_date('consents.decided_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

final as (

    select
        customer_id,
        channel,
        state,
        decided_at
    from ranked
    where decision_rank = 1

)

select * from final
