with

loyalty_events as (

    select * from {{ ref('int_loyalty_events') }}

),

-- A movement that names no member cannot be anybody's membership; it stays in
-- int_loyalty_events and in the interactions.
member_events as (

    select
        source,
        identifier,
        event_id,
        kind,
        tier,
        occurred_at,
        case kind
            when 'join' then 1
            when 'tier_change' then 2
            when 'leave' then 4
            else 3
        end as order_within_moment
    from loyalty_events
    where identifier is not null

),

numbered as (

    select
        *,
        row_number() over (
            partition by source, identifier
            order by occurred_at, order_within_moment, event_id
        ) as event_number
    from member_events

),

-- An export that begins in the middle of a membership has no join: whoever moves points
-- is a member from the first movement on.
turning_points as (

    select
        source,
        identifier,
        event_number,
        tier,
        occurred_at,
        case
            when kind in ('join', 'tier_change', 'leave') then kind
            else 'first movement'
        end as start_evidence
    from numbered
    where
        kind in ('join', 'tier_change', 'leave')
        or event_number = 1

),

periods as (

    select
        source,
        identifier,
        start_evidence,
        tier,
        occurred_at as valid_from,
        lead(occurred_at) over (
            partition by source, identifier
            order by event_number
        ) as valid_to
    from turning_points

),

-- After leaving nobody is a member, and a period that ends the moment it begins (a join
-- and its tier written in the same second) was never in force.
final as (

    select
        ---------- ids
        source,
        identifier,

        ---------- strings
        tier,
        start_evidence,

        ---------- timestamps
        valid_from,
        valid_to,

        ---------- calculated
        source
        || '|'
        || identifier
        || '|from '
        || cast(valid_from as string) as membership_id
    from periods
    where
        start_evidence != 'leave'
        and (valid_to is null or valid_to > valid_from)

)

select * from final
