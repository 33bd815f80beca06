with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

deals as (

    select * from {{ ref('int_deals') }}

),

carts as (

    select * from {{ ref('int_carts') }}

),

referrals as (

    select * from {{ ref('int_referrals') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

touch_point_kinds as (

    select * from {{ ref('touch_point_kinds') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'relations'

),

closed_deals as (

    select
        'closing_rate' as metric,
        'all' as channel,
        identifier,
        source || '|' || deal_id as event_id,
        case when is_won then 1 else 0 end as numerator,
        1 as denominator,
        closed_at as happened_at
    from deals
    where
        is_closed
        and closed_at is not null
        and not coalesce(is_deleted, false)

),

started_carts as (

    select
        'cart_abandonment_rate' as metric,
        'all' as channel,
        identifier,
        source || '|' || cart_id as event_id,
        case when is_completed then 0 else 1 end as numerator,
        1 as denominator,
        created_at as happened_at
    from carts

),

completed_carts as (

    select
        'checkout_completion_rate' as metric,
        channel,
        identifier,
        event_id,
        1 - numerator as numerator,
        denominator,
        happened_at
    from started_carts

),

sent_referrals as (

    select
        'referral_conversion_rate' as metric,
        'all' as channel,
        identifier,
        source || '|' || referral_id as event_id,
        case when is_converted then 1 else 0 end as numerator,
        1 as denominator,
        created_at as happened_at
    from referrals

),

single_events as (

    select * from closed_deals
    union all
    select * from started_carts
    union all
    select * from completed_carts
    union all
    select * from sent_referrals

),

dated_events as (

    select
        single_events.metric,
        single_events.channel,
        single_events.numerator,
        single_events.denominator,
        coalesce(
            identity_assignments.customer_id,
            single_events.identifier,
            single_events.event_id
        ) as cluster_id,
        {{ local_date('single_events.happened_at', 'run_parameters.time_zone') }}
            as event_date
    from single_events
    cross join run_parameters
    left join identity_assignments
        on
            single_events.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'single_events.happened_at') }}

),

{{ kpi_reach('reach') }},

-- A local day begins less than a day before or after that of UTC.
recent_touches as (

    select interactions.*
    from interactions
    cross join reach
    where
        interactions.is_human
        and interactions.occurred_at >= cast(reach.before_first_date as timestamp)

),

-- Forty pages in one evening are one approach: a channel speaks once a day and way.
spoken_days as (

    select distinct
        coalesce(
            identity_assignments.customer_id, recent_touches.identifier
        ) as cluster_id,
        recent_touches.channel,
        recent_touches.direction,
        {{ local_date('recent_touches.occurred_at', 'run_parameters.time_zone') }}
            as event_date
    from recent_touches
    cross join run_parameters
    left join identity_assignments
        on
            recent_touches.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'recent_touches.occurred_at') }}
    where
        recent_touches.direction in ('inbound', 'outbound')
        and recent_touches.identifier is not null

),

dialogue_cuts as (

    select
        'all' as channel,
        cluster_id,
        direction,
        event_date
    from spoken_days
    union all
    select
        channel,
        cluster_id,
        direction,
        event_date
    from spoken_days

),

dialogues as (

    select
        'dialogue_ratio' as metric,
        channel,
        sum(case when direction = 'inbound' then 1 else 0 end) as numerator,
        count(*) as denominator,
        cluster_id,
        event_date
    from dialogue_cuts
    group by
        channel,
        cluster_id,
        event_date

),

touch_days as (

    select
        'unowned_touch_share' as metric,
        'all' as channel,
        sum(case when touch_point_kinds.owner_team is null then 1 else 0 end)
            as numerator,
        count(*) as denominator,
        coalesce(
            identity_assignments.customer_id,
            recent_touches.identifier,
            recent_touches.source
        ) as cluster_id,
        {{ local_date('recent_touches.occurred_at', 'run_parameters.time_zone') }}
            as event_date
    from recent_touches
    cross join run_parameters
    left join touch_point_kinds
        on recent_touches.kind = touch_point_kinds.kind
    left join identity_assignments
        on
            recent_touches.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'recent_touches.occurred_at') }}
    group by
        coalesce(
            identity_assignments.customer_id,
            recent_touches.identifier,
            recent_touches.source
        ),
        {{ local_date('recent_touches.occurred_at', 'run_parameters.time_zone') }}

),

measured as (

    select * from dated_events
    union all
    select * from dialogues
    union all
    select * from touch_days

),

final as (

    select
        ---------- ids
        measured.metric,
        'all' as segment,
        measured.channel,
        measured.cluster_id,

        ---------- numerics
        cast(measured.numerator as decimal(18, 4)) as numerator,
        cast(measured.denominator as decimal(18, 4)) as denominator,
        measured.denominator as observations,

        ---------- dates
        measured.event_date as starts_on,
        {{ add_days('measured.event_date', 'metrics.window_days') }} as ends_on
    from measured
    inner join metrics
        on measured.metric = metrics.metric
    cross join run_parameters
    where
        measured.event_date
        > {{ add_days('run_parameters.as_of', '-90 - metrics.window_days') }}

)

select * from final
