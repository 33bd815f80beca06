with

survey_answers as (

    select * from {{ ref('int_survey_answers_judged') }}

),

-- What is left out here stands in int_survey_exclusions, by reason and number.
final as (

    select
        ---------- ids
        source,
        response_id,
        delivery_id,
        identifier,
        interaction_id,

        ---------- strings
        survey_type,
        method,
        outcome,

        ---------- numerics
        score,
        comment_length,

        ---------- timestamps
        sent_at,
        answered_at
    from survey_answers
    where exclusion_reason is null

)

select * from final
