with

delighted_responses as (

    select * from {{ ref('stg_delighted__survey_responses') }}

),

generic_responses as (

    select * from {{ ref('stg_generic__survey_responses') }}

),

survey_scales as (

    select * from {{ ref('survey_scales') }}

),

answers as (

    select
        source,
        response_id,
        delivery_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }},
            {{ survey_person_identifier('person_id') }}
        ) as identifier,
        cast(null as string) as interaction_id,
        survey_type,
        cast(null as string) as method,
        score,
        comment_length,
        false as is_excluded,
        cast(null as timestamp) as sent_at,
        answered_at
    from delighted_responses
    union all
    select
        source,
        response_id,
        delivery_id,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }},
            {{ survey_person_identifier('person_id') }}
        ) as identifier,
        interaction_id,
        survey_type,
        method,
        score,
        comment_length,
        is_excluded,
        sent_at,
        answered_at
    from generic_responses

),

final as (

    select
        ---------- ids
        answers.source,
        answers.response_id,
        answers.delivery_id,
        answers.identifier,
        answers.interaction_id,

        ---------- strings
        answers.survey_type,
        answers.method,

        ---------- numerics
        answers.score,
        answers.comment_length,

        ---------- timestamps
        answers.sent_at,
        answers.answered_at,

        ---------- calculated
        case
            when answers.is_excluded then 'preview, test or withdrawn answer'
            when not survey_scales.is_about_customers then 'answer of an employee'
            when answers.score is null then 'no score'
            when
                answers.score not between survey_scales.lowest_score
                and survey_scales.highest_score
                then 'score outside the scale'
        end as exclusion_reason,
        case
            when answers.score <= survey_scales.highest_bad_score then 'bad'
            when answers.score >= survey_scales.lowest_good_score then 'good'
            when answers.score is not null then 'neutral'
        end as outcome
    from answers
    left join survey_scales
        on answers.survey_type = survey_scales.survey_type

)

select * from final
