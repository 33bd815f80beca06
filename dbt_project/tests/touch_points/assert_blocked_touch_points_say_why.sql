-- A row means: a touch point is blocked without a reason, or permitted with one, so the
-- team that wants to use it cannot know what to change. The owner named in the seed
-- touch_point_kinds acts there.
select
    kind,
    is_permitted,
    blocked_reason
from {{ ref('touch_points') }}
where is_permitted = (blocked_reason is not null)
