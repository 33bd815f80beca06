-- A row means: channels_daily or touch_points count more or fewer interactions than
-- there are. Analytics engineering acts: an interaction without channel or kind, or a
-- kind twice in the seed touch_point_kinds.
with

interaction_totals as (

    select
        count(*) as volume,
        coalesce(sum(case when is_human then 1 else 0 end), 0) as human_volume
    from {{ ref('interactions') }}

),

summaries as (

    select
        'channels_daily' as mart,
        coalesce(sum(volume), 0) as volume,
        coalesce(sum(human_volume), 0) as human_volume
    from {{ ref('channels_daily') }}
    union all
    select
        'touch_points' as mart,
        coalesce(sum(volume), 0) as volume,
        coalesce(sum(human_volume), 0) as human_volume
    from {{ ref('touch_points') }}

)

select
    summaries.mart,
    summaries.volume,
    interaction_totals.volume as interaction_count
from summaries
cross join interaction_totals
where
    summaries.volume != interaction_totals.volume
    or summaries.human_volume != interaction_totals.human_volume
