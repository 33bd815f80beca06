with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'web'

),

{{ kpi_reach('reach') }},

-- A local day begins less than a day before or after that of UTC.
recent_sessions as (

    select sessions.*
    from sessions
    cross join reach
    where sessions.started_at >= cast(reach.before_first_date as timestamp)

),

-- Machines leave here: a crawler's pages are nobody's interest.
human_sessions as (

    select
        coalesce(
            identity_assignments.customer_id,
            recent_sessions.identifier,
            recent_sessions.source || '|' || recent_sessions.session_id
        ) as cluster_id,
        recent_sessions.channel,
        recent_sessions.page_views,
        case when recent_sessions.is_converted then 1 else 0 end as conversions,
        {{ local_date('recent_sessions.started_at', 'run_parameters.time_zone') }}
            as session_date
    from recent_sessions
    cross join run_parameters
    left join identity_assignments
        on
            recent_sessions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'recent_sessions.started_at') }}
    where recent_sessions.is_human

),

cuts as (

    select
        'all' as channel,
        cluster_id,
        session_date,
        page_views,
        conversions
    from human_sessions
    union all
    select
        channel,
        cluster_id,
        session_date,
        page_views,
        conversions
    from human_sessions

),

visitor_days as (

    select
        channel,
        cluster_id,
        session_date,
        count(*) as session_count,
        sum(page_views) as page_views,
        sum(conversions) as conversions
    from cuts
    group by
        channel,
        cluster_id,
        session_date

),

final as (

    select
        ---------- ids
        metrics.metric,
        'all' as segment,
        visitor_days.channel,
        visitor_days.cluster_id,

        ---------- numerics
        cast(
            case metrics.metric
                when 'pages_per_session' then visitor_days.page_views
                when 'session_conversion_rate' then visitor_days.conversions
            end as decimal(18, 4)
        ) as numerator,
        cast(visitor_days.session_count as decimal(18, 4)) as denominator,
        visitor_days.session_count as observations,

        ---------- dates
        visitor_days.session_date as starts_on,
        {{ add_days('visitor_days.session_date', 'metrics.window_days') }} as ends_on
    from visitor_days
    cross join metrics
    cross join reach
    where visitor_days.session_date > reach.before_first_date

)

select * from final
