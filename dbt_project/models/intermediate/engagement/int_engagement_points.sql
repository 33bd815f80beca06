with

states as (

    select * from {{ ref('int_engagement_states') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

settings as (

    select * from {{ ref('int_engagement_settings') }}

),

-- An act saturates towards 1; an opinion moves between -1 and 1 around neutral and is
-- held back by the answers it is shrunk with.
levels as (

    select
        states.customer_id,
        states.signal,
        states.days_ago,
        weights.dimension,
        weights.points,
        case
            when states.curve = 'opinion'
                then
                    cast(states.opinion as double)
                    / (
                        cast(states.evidence as double)
                        + cast(settings.opinion_prior_answers as double)
                    )
                    / greatest(
                        cast(weights.neutral_value as double),
                        1 - cast(weights.neutral_value as double)
                    )
            else
                1 - exp(
                    -cast(states.evidence as double)
                    / cast(weights.saturation_scale as double)
                )
        end as reached_share
    from states
    inner join weights
        on states.signal = weights.signal
    cross join settings

),

final as (

    select
        ---------- ids
        customer_id,
        signal,

        ---------- strings
        dimension,

        ---------- numerics
        days_ago,
        reached_share,
        cast(
            round(cast(points as double) * reached_share, 6) as decimal(9, 6)
        ) as contribution
    from levels

)

select * from final
