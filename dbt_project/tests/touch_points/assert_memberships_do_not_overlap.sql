-- A row means: a member has two tiers at one moment, so is_member_at_order and points
-- value are ambiguous. The loyalty team acts on the export (two joins without leaving),
-- analytics engineering on int_loyalty_memberships.
with

periods as (

    select
        membership_id,
        valid_from,
        valid_to,
        lead(valid_from) over (
            partition by source, identifier
            order by valid_from
        ) as next_valid_from
    from {{ ref('loyalty_memberships') }}

)

select
    membership_id,
    valid_from,
    valid_to,
    next_valid_from
from periods
where
    valid_to <= valid_from
    or next_valid_from < coalesce(valid_to, timestamp '9999-12-31 00:00:00')
