with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

survey_answers as (

    select * from {{ ref('int_survey_answers_judged') }}

),

final as (

    select
        ---------- ids
        {{ stable_hash([
            'survey_answers.delivery_id',
            'survey_answers.source',
            'survey_answers.survey_type',
            'survey_answers.exclusion_reason',
        ]) }} as survey_exclusion_id,
        survey_answers.source,
        survey_answers.delivery_id,

        ---------- strings
        survey_answers.survey_type,
        survey_answers.exclusion_reason as reason,

        ---------- numerics
        count(*) as row_count,

        ---------- dates
        run_parameters.as_of
    from survey_answers
    cross join run_parameters
    where
        survey_answers.exclusion_reason is not null
        and {{ local_date('survey_answers.answered_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
    group by
        survey_answers.source,
        survey_answers.delivery_id,
        survey_answers.survey_type,
        survey_answers.exclusion_reason,
        run_parameters.as_of

)

select * from final
