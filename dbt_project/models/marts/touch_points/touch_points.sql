with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

interactions as (

    select * from {{ ref('interactions') }}

),

touch_point_kinds as (

    select * from {{ ref('touch_point_kinds') }}

),

kind_customers as (

    select
        kind,
        channel,
        customer_id,
        count(*) as volume,
        sum(case when is_human then 1 else 0 end) as human_volume,
        count(outcome) as outcome_count,
        sum(case when outcome = 'bad' then 1 else 0 end) as bad_outcome_count,
        min(direction) as direction,
        min(dimension) as dimension,
        min(is_online) as is_online,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from interactions
    group by
        kind,
        channel,
        customer_id

),

kind_channels as (

    select
        kind,
        channel,
        sum(volume) as volume
    from kind_customers
    group by
        kind,
        channel

),

ranked_channels as (

    select
        kind,
        channel,
        row_number() over (
            partition by kind
            order by volume desc, channel asc
        ) as channel_rank
    from kind_channels

),

busiest_channels as (

    select
        kind,
        channel
    from ranked_channels
    where channel_rank = 1

),

kind_totals as (

    select
        kind,
        sum(volume) as volume,
        sum(human_volume) as human_volume,
        count(distinct customer_id) as customer_count,
        sum(outcome_count) as outcome_count,
        sum(bad_outcome_count) as bad_outcome_count,
        min(direction) as direction,
        min(dimension) as dimension,
        min(is_online) as is_online,
        min(first_at) as first_at,
        max(last_at) as last_at
    from kind_customers
    group by kind

),

-- Registered kinds that nobody used and used kinds that nobody registered: both.
kinds as (

    select kind from touch_point_kinds
    union distinct
    select kind from kind_totals

),

final as (

    select
        ---------- ids
        kinds.kind,

        ---------- strings
        touch_point_kinds.engagement_type,
        touch_point_kinds.journey_stage,
        touch_point_kinds.owner_team,
        touch_point_kinds.blocked_reason,
        touch_point_kinds.signal,

        ---------- booleans
        touch_point_kinds.is_permitted,

        ---------- dates
        run_parameters.as_of,

        ---------- timestamps
        kind_totals.first_at,
        kind_totals.last_at,

        ---------- calculated
        cast(coalesce(kind_totals.volume, 0) as bigint) as volume,
        cast(coalesce(kind_totals.human_volume, 0) as bigint) as human_volume,
        cast(coalesce(kind_totals.customer_count, 0) as bigint) as customer_count,
        cast(coalesce(kind_totals.outcome_count, 0) as bigint) as outcome_count,
        cast(
            coalesce(kind_totals.bad_outcome_count, 0) as bigint
        ) as bad_outcome_count,

        ---------- calculated
        coalesce(busiest_channels.channel, touch_point_kinds.channel) as channel,
        coalesce(touch_point_kinds.direction, kind_totals.direction) as direction,
        coalesce(touch_point_kinds.dimension, kind_totals.dimension) as dimension,
        coalesce(touch_point_kinds.is_online, kind_totals.is_online) as is_online,
        touch_point_kinds.kind is not null as is_registered,
        cast(kind_totals.bad_outcome_count as double)
        / nullif(kind_totals.outcome_count, 0) as bad_outcome_rate
    from kinds
    cross join run_parameters
    left join touch_point_kinds
        on kinds.kind = touch_point_kinds.kind
    left join kind_totals
        on kinds.kind = kind_totals.kind
    left join busiest_channels
        on kinds.kind = busiest_channels.kind

)

select * from final
