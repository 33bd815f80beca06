with

states as (

    select * from {{ ref('int_engagement_states') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

signal_days as (

    select * from {{ ref('int_engagement_signal_days') }}

),

measured_scales as (

    select
        signal,
        {{ quantile('evidence', 0.5) }} as saturation_scale,
        count(*) as customer_count
    from states
    where
        days_ago = 0
        and curve = 'saturating'
    group by signal

),

measured_opinions as (

    select
        signal_days.signal,
        cast(sum(signal_days.opinion_total) as double)
        / sum(signal_days.event_count) as neutral_value
    from signal_days
    inner join weights
        on signal_days.signal = weights.signal
    where weights.curve = 'opinion'
    group by signal_days.signal

),

-- What the seed would hold if today were the reference window. Nothing reads it: the
-- scale moves only when somebody commits a new seed.
final as (

    select
        ---------- ids
        weights.signal,

        ---------- strings
        weights.reference_version,

        ---------- numerics
        weights.saturation_scale as frozen_saturation_scale,
        measured_scales.saturation_scale as measured_saturation_scale,
        weights.neutral_value as frozen_neutral_value,
        measured_opinions.neutral_value as measured_neutral_value,

        ---------- calculated
        coalesce(measured_scales.customer_count, 0) as customer_count
    from weights
    left join measured_scales
        on weights.signal = measured_scales.signal
    left join measured_opinions
        on weights.signal = measured_opinions.signal

)

select * from final
