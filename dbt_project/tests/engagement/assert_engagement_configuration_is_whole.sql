-- A failure means that the engagement seeds contradict each other, so that no score can
-- be explained: each row says what is wrong. Whoever changed the seeds acts, before
-- anything is published: one configuration version, one reference version, dimensions
-- that add up to 1, a scale or a neutral value for every signal, and no signal on a
-- touch point that the configuration does not know.

with

dimensions as (

    select * from {{ ref('engagement_dimensions') }}

),

signals as (

    select * from {{ ref('engagement_signals') }}

),

settings as (

    select * from {{ ref('engagement_settings') }}

),

tiers as (

    select * from {{ ref('engagement_tiers') }}

),

reference as (

    select * from {{ ref('engagement_reference') }}

),

reference_bands as (

    select * from {{ ref('engagement_reference_bands') }}

),

touch_point_kinds as (

    select * from {{ ref('touch_point_kinds') }}

),

versions as (

    select config_version from dimensions
    union distinct
    select config_version from signals
    union distinct
    select config_version from settings
    union distinct
    select config_version from tiers

),

reference_versions as (

    select reference_version from reference
    union distinct
    select reference_version from reference_bands

),

final as (

    select 'the seeds carry more than one config_version' as problem
    from versions
    having count(*) != 1
    union all
    select 'the reference carries more than one reference_version' as problem
    from reference_versions
    having count(*) != 1
    union all
    select 'the reference bands are not ten that hold everybody' as problem
    from reference_bands
    having
        count(*) != 10
        or abs(sum(reference_share) - 1) > 0.00001
    union all
    select 'the weights of the dimensions do not add up to 1' as problem
    from dimensions
    having sum(weight) != 1
    union all
    select 'no tier begins at 0' as problem
    from tiers
    having min(minimum_score) != 0
    union all
    select 'signal without its scale or neutral value: ' || signals.signal as problem
    from signals
    left join reference
        on signals.signal = reference.signal
    where
        (
            signals.curve = 'saturating'
            and coalesce(reference.saturation_scale, 0) <= 0
        )
        or (
            signals.curve = 'opinion'
            and not coalesce(reference.neutral_value between 0 and 1, false)
        )
    union all
    select 'opinions cannot weigh negatively: ' || signal as problem
    from signals
    where
        curve = 'opinion'
        and weight <= 0
    union all
    select
        'touch point with a signal nobody configured: '
        || touch_point_kinds.kind as problem
    from touch_point_kinds
    left join signals
        on touch_point_kinds.signal = signals.signal
    where
        touch_point_kinds.signal is not null
        and signals.signal is null

)

select * from final
