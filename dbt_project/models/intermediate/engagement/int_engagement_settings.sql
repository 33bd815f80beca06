with

settings as (

    select * from {{ ref('engagement_settings') }}

),

final as (

    select
        ---------- calculated
        cast(
            max(case when setting = 'evidence_window_days' then value end) as integer
        ) as evidence_window_days,
        max(config_version) as config_version,
        max(
            case when setting = 'opinion_prior_answers' then value end
        ) as opinion_prior_answers,
        max(
            case when setting = 'confidence_observations' then value end
        ) as confidence_observations,
        max(
            case when setting = 'freshness_half_life_days' then value end
        ) as freshness_half_life_days,
        max(
            case when setting = 'minimum_confidence' then value end
        ) as minimum_confidence
    from settings

)

select * from final
