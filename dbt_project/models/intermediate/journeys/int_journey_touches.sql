with

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

-- A web visit is one touch under the channel that brought it, whatever was clicked in
-- it.
visits as (

    select
        identifier,
        channel,
        started_at as touched_at
    from sessions
    where is_human

),

-- What the company sent is no touch until the customer answers it; the order is the end
-- of the path and a consent is no step on it.
other_touches as (

    select
        identifier,
        channel,
        occurred_at as touched_at
    from interactions
    where
        is_human
        and direction != 'outbound'
        and record_type not in ('web_event', 'order', 'consent')

),

touches as (

    select * from visits
    union all
    select * from other_touches

),

-- A touch of nobody known leads to nobody's order: it leaves here.
customer_touches as (

    select
        identity_assignments.customer_id,
        touches.channel,
        touches.touched_at,
        {{ local_date('touches.touched_at', 'run_parameters.time_zone') }}
            as touched_date
    from touches
    inner join identity_assignments
        on
            touches.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'touches.touched_at') }}
    cross join run_parameters

),

-- A channel counts once a day: opening five e-mails in one evening is one approach.
daily_touches as (

    select
        customer_id,
        channel,
        touched_date,
        min(touched_at) as touched_at
    from customer_touches
    group by
        customer_id,
        channel,
        touched_date

),

-- An order of nobody known has no touch either, but its money is shared out like all.
counted_orders as (

    select
        source,
        order_id,
        customer_id,
        ordered_date,
        as_of,
        ordered_at,
        net_amount_reporting
    from orders
    where is_counted

),

final as (

    select
        ---------- ids
        counted_orders.source,
        counted_orders.order_id,
        counted_orders.customer_id,

        ---------- strings
        daily_touches.channel,

        ---------- numerics
        counted_orders.net_amount_reporting,
        cast(
            row_number() over (
                partition by counted_orders.source, counted_orders.order_id
                order by daily_touches.touched_at, daily_touches.channel
            ) as integer
        ) as touch_number,
        cast(
            count(daily_touches.channel) over (
                partition by counted_orders.source, counted_orders.order_id
            ) as integer
        ) as touch_count,
        {{ seconds_between('daily_touches.touched_at', 'counted_orders.ordered_at') }}
            as seconds_before_order,

        ---------- dates
        counted_orders.ordered_date,
        counted_orders.as_of,

        ---------- timestamps
        counted_orders.ordered_at,
        daily_touches.touched_at
    from counted_orders
    left join daily_touches
        on
            counted_orders.customer_id = daily_touches.customer_id
            and counted_orders.ordered_at > daily_touches.touched_at
            and daily_touches.touched_at
            >= counted_orders.ordered_at - interval 30 days

)

select * from final
