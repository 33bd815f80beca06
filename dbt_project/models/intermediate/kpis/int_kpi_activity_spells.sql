with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'activity'

),

-- What the customer does is activity; what is sent to them or done by a machine is not.
-- A year before the first reported day is as far back as a share looks.
active_days as (

    select distinct
        identity_assignments.customer_id,
        {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
            as active_date
    from interactions
    cross join run_parameters
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    where
        interactions.is_human
        and interactions.direction != 'outbound'
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        > {{ add_days('run_parameters.as_of', '-90 - 365') }}

),

followed_days as (

    select
        customer_id,
        active_date,
        lead(active_date) over (
            partition by customer_id
            order by active_date
        ) as next_date
    from active_days

),

held_days as (

    select
        metrics.metric,
        followed_days.customer_id,
        followed_days.active_date,
        followed_days.next_date,
        {{ add_days('followed_days.active_date', 'metrics.window_days') }}
            as window_ends_on,
        {{ add_days('followed_days.active_date', '365') }} as year_ends_on
    from followed_days
    cross join metrics

),

-- An active day holds the place until the next one or until it is too old, so that a
-- customer is one customer however often they come.
engaged_customers as (

    select
        metric,
        customer_id,
        1 as numerator,
        0 as denominator,
        active_date as starts_on,
        least(coalesce(next_date, window_ends_on), window_ends_on) as ends_on
    from held_days
    where metric = 'engaged_customer_share'

),

known_customers as (

    select
        metric,
        customer_id,
        0 as numerator,
        1 as denominator,
        active_date as starts_on,
        least(coalesce(next_date, year_ends_on), year_ends_on) as ends_on
    from held_days
    where metric = 'engaged_customer_share'

),

-- A week counts from its first active day on and leaves thirteen weeks after its
-- Monday, so that never more than thirteen stand together.
active_weeks as (

    select
        metric,
        customer_id,
        {{ week_start('active_date') }} as active_week,
        min(active_date) as starts_on
    from held_days
    where metric = 'active_weeks'
    group by
        metric,
        customer_id,
        {{ week_start('active_date') }}

),

counted_weeks as (

    select
        metric,
        customer_id,
        1 as numerator,
        0 as denominator,
        starts_on,
        {{ add_days('active_week', '91') }} as ends_on
    from active_weeks

),

followed_weeks as (

    select
        metric,
        customer_id,
        starts_on,
        {{ add_days('active_week', '91') }} as leaves_on,
        lead(starts_on) over (
            partition by customer_id
            order by starts_on
        ) as next_starts_on
    from active_weeks

),

weekly_customers as (

    select
        metric,
        customer_id,
        0 as numerator,
        1 as denominator,
        starts_on,
        least(coalesce(next_starts_on, leaves_on), leaves_on) as ends_on
    from followed_weeks

),

spells as (

    select * from engaged_customers
    union all
    select * from known_customers
    union all
    select * from counted_weeks
    union all
    select * from weekly_customers

),

final as (

    select
        ---------- ids
        metric,
        'all' as segment,
        'all' as channel,
        customer_id as cluster_id,

        ---------- numerics
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        denominator as observations,

        ---------- dates
        starts_on,
        ends_on
    from spells

)

select * from final
