with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

int_survey_responses as (

    select * from {{ ref('int_survey_responses') }}

),

answers as (

    select
        int_survey_responses.*,
        identity_assignments.customer_id,
        run_parameters.as_of,
        coalesce(
            identity_assignments.customer_id,
            int_survey_responses.identifier,
            int_survey_responses.source || '|' || int_survey_responses.response_id
        ) as person
    from int_survey_responses
    cross join run_parameters
    left join identity_assignments
        on
            int_survey_responses.identifier = identity_assignments.identifier
            and {{ belongs_at(
                'identity_assignments', 'int_survey_responses.answered_at'
            ) }}
    where
        {{ local_date('int_survey_responses.answered_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

followed as (

    select
        *,
        lead(answered_at) over (
            partition by person, survey_type
            order by answered_at, source, response_id
        ) as next_answered_at
    from answers

),

final as (

    select
        ---------- ids
        response_id,
        source,
        customer_id,
        identifier,
        interaction_id,

        ---------- strings
        survey_type,
        method,
        outcome,

        ---------- numerics
        score,
        comment_length,

        ---------- dates
        as_of,

        ---------- timestamps
        sent_at,
        answered_at,

        ---------- calculated
        source || '|' || response_id as survey_response_id,
        next_answered_at is null
        or next_answered_at > answered_at + interval 90 days as is_latest
    from followed

)

select * from final
