-- A row means: answers up to as_of are neither in survey_responses nor named in
-- survey_exclusions (or in both), so NPS and CSAT rest on an unknown number. Customer
-- experience acts with analytics engineering, in int_survey_answers_judged.
with

accepted as (

    select count(*) as answer_count
    from {{ ref('int_survey_answers_judged') }} as survey_answers
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        {{ local_date('survey_answers.answered_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

kept as (

    select count(*) as answer_count
    from {{ ref('survey_responses') }}

),

excluded as (

    select coalesce(sum(row_count), 0) as answer_count
    from {{ ref('survey_exclusions') }}

)

select
    accepted.answer_count as accepted_count,
    kept.answer_count as kept_count,
    excluded.answer_count as excluded_count
from accepted
cross join kept
cross join excluded
where accepted.answer_count != kept.answer_count + excluded.answer_count
