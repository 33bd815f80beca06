with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

int_survey_exclusions as (

    select * from {{ ref('int_survey_exclusions') }}

),

final as (

    select
        ---------- ids
        {{ stable_hash([
            'int_survey_exclusions.delivery_id',
            'int_survey_exclusions.source',
            'int_survey_exclusions.survey_type',
            'int_survey_exclusions.reason',
        ]) }} as survey_exclusion_id,
        int_survey_exclusions.source,
        int_survey_exclusions.delivery_id,

        ---------- strings
        int_survey_exclusions.survey_type,
        int_survey_exclusions.reason,

        ---------- numerics
        int_survey_exclusions.row_count,

        ---------- dates
        run_parameters.as_of
    from int_survey_exclusions
    cross join run_parameters

)

select * from final
