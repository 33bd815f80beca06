with

campaign_arms as (

    select * from {{ ref('int_campaign_arms') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

purchases as (

    select
        campaign_arms.source,
        campaign_arms.campaign_id,
        campaign_arms.person,
        sum(orders.net_amount_reporting) as spend
    from campaign_arms
    inner join orders
        on
            campaign_arms.customer_id = orders.customer_id
            and campaign_arms.assigned_at <= orders.ordered_at
    where
        orders.is_counted
        and orders.ordered_at < campaign_arms.assigned_at + interval 14 days
    group by
        campaign_arms.source,
        campaign_arms.campaign_id,
        campaign_arms.person

),

customer_sessions as (

    select
        identity_assignments.customer_id,
        sessions.started_at
    from sessions
    inner join identity_assignments
        on
            sessions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'sessions.started_at') }}
    where sessions.is_human

),

visitors as (

    select distinct
        campaign_arms.source,
        campaign_arms.campaign_id,
        campaign_arms.person
    from campaign_arms
    inner join customer_sessions
        on
            campaign_arms.customer_id = customer_sessions.customer_id
            and campaign_arms.assigned_at <= customer_sessions.started_at
    where customer_sessions.started_at < campaign_arms.assigned_at + interval 14 days

),

outcomes as (

    select
        campaign_arms.source,
        campaign_arms.campaign_id,
        campaign_arms.arm,
        case when visitors.person is not null then 1 else 0 end as visited,
        case when purchases.person is not null then 1 else 0 end as ordered,
        coalesce(purchases.spend, 0) as spend
    from campaign_arms
    left join purchases
        on
            campaign_arms.source = purchases.source
            and campaign_arms.campaign_id = purchases.campaign_id
            and campaign_arms.person = purchases.person
    left join visitors
        on
            campaign_arms.source = visitors.source
            and campaign_arms.campaign_id = visitors.campaign_id
            and campaign_arms.person = visitors.person

),

arm_means as (

    select
        source,
        campaign_id,
        arm,
        cast(count(*) as double) as n,
        cast(sum(visited) as double) / count(*) as visit_rate,
        cast(sum(ordered) as double) / count(*) as order_rate,
        count(*) as person_count,
        cast(sum(spend) as double) / count(*) as mean_spend
    from outcomes
    group by
        source,
        campaign_id,
        arm

),

deviations as (

    select
        outcomes.source,
        outcomes.campaign_id,
        outcomes.arm,
        cast(outcomes.spend as double) - arm_means.mean_spend as deviation
    from outcomes
    inner join arm_means
        on
            outcomes.source = arm_means.source
            and outcomes.campaign_id = arm_means.campaign_id
            and outcomes.arm = arm_means.arm

),

-- Squares are added up as parts of the largest, whatever the currency.
scaled as (

    select
        source,
        campaign_id,
        arm,
        deviation,
        max(abs(deviation)) over (
            partition by source, campaign_id, arm
        ) as largest_deviation
    from deviations

),

-- One person alone has no spread.
spend_errors as (

    select
        source,
        campaign_id,
        arm,
        coalesce(
            cast(
                sum({{ squared('deviation / nullif(largest_deviation, 0)', 22) }})
                as double
            ), 0
        )
        * max(largest_deviation)
        * max(largest_deviation)
        / nullif(count(*) - 1, 0)
        / count(*) as squared_error
    from scaled
    group by
        source,
        campaign_id,
        arm

),

-- Wilson's interval of a share holds where shares are small and nobody bought.
arm_intervals as (

    select
        arm_means.*,
        spend_errors.squared_error,
        (2 * arm_means.n * arm_means.visit_rate + 3.8414588)
        / (2 * (arm_means.n + 3.8414588)) as visit_centre,
        1.959964
        * sqrt(
            3.8414588
            + 4 * arm_means.n * arm_means.visit_rate * (1 - arm_means.visit_rate)
        )
        / (2 * (arm_means.n + 3.8414588)) as visit_half_width,
        (2 * arm_means.n * arm_means.order_rate + 3.8414588)
        / (2 * (arm_means.n + 3.8414588)) as order_centre,
        1.959964
        * sqrt(
            3.8414588
            + 4 * arm_means.n * arm_means.order_rate * (1 - arm_means.order_rate)
        )
        / (2 * (arm_means.n + 3.8414588)) as order_half_width
    from arm_means
    inner join spend_errors
        on
            arm_means.source = spend_errors.source
            and arm_means.campaign_id = spend_errors.campaign_id
            and arm_means.arm = spend_errors.arm

),

arms as (

    select
        *,
        visit_rate - (visit_centre - visit_half_width) as visit_below,
        visit_centre + visit_half_width - visit_rate as visit_above,
        order_rate - (order_centre - order_half_width) as order_below,
        order_centre + order_half_width - order_rate as order_above
    from arm_intervals

),

treated as (

    select * from arms
    where arm = 'treated'

),

control as (

    select * from arms
    where arm = 'control'

),

-- A campaign that withheld e-mails but delivered none compares nothing and leaves.
final as (

    select
        ---------- ids
        treated.source,
        treated.campaign_id,

        ---------- numerics
        treated.person_count as treated_count,
        control.person_count as control_count,
        treated.visit_rate as treated_visit_rate,
        control.visit_rate as control_visit_rate,
        treated.order_rate as treated_order_rate,
        control.order_rate as control_order_rate,
        treated.mean_spend as treated_mean_spend,
        control.mean_spend as control_mean_spend,

        ---------- calculated
        treated.visit_rate - control.visit_rate as visit_lift,
        treated.visit_rate
        - control.visit_rate
        - sqrt(
            treated.visit_below * treated.visit_below
            + control.visit_above * control.visit_above
        ) as visit_lift_low,
        treated.visit_rate
        - control.visit_rate
        + sqrt(
            treated.visit_above * treated.visit_above
            + control.visit_below * control.visit_below
        ) as visit_lift_high,
        treated.order_rate - control.order_rate as order_lift,
        treated.order_rate
        - control.order_rate
        - sqrt(
            treated.order_below * treated.order_below
            + control.order_above * control.order_above
        ) as order_lift_low,
        treated.order_rate
        - control.order_rate
        + sqrt(
            treated.order_above * treated.order_above
            + control.order_below * control.order_below
        ) as order_lift_high,
        treated.mean_spend - control.mean_spend as spend_lift,
        treated.mean_spend
        - control.mean_spend
        - 1.959964 * sqrt(treated.squared_error + control.squared_error)
            as spend_lift_low,
        treated.mean_spend
        - control.mean_spend
        + 1.959964 * sqrt(treated.squared_error + control.squared_error)
            as spend_lift_high
    from treated
    inner join control
        on
            treated.source = control.source
            and treated.campaign_id = control.campaign_id

)

select * from final
