with

touches as (

    select * from {{ ref('int_journey_touches') }}

),

order_totals as (

    select
        source,
        order_id,
        net_amount_reporting,
        touch_count,
        as_of,
        max(seconds_before_order) as seconds_from_first_touch
    from touches
    group by
        source,
        order_id,
        net_amount_reporting,
        touch_count,
        as_of

),

compared as (

    select
        source,
        order_id,
        channel,
        touch_number,
        lag(channel) over (
            partition by source, order_id
            order by touch_number
        ) as previous_channel
    from touches
    where touch_count > 0

),

-- The same channel day after day is one step of the journey_path.
steps as (

    select
        source,
        order_id,
        channel,
        row_number() over (
            partition by source, order_id
            order by touch_number desc
        ) as steps_before_order
    from compared
    where
        previous_channel is null
        or previous_channel != channel

),

-- Paths keep their last five steps: longer ones differ in almost every order and would
-- make as many rows as there are orders.
paths as (

    select
        source,
        order_id,
        count(*) as step_count,
        concat_ws(
            ' > ',
            max(case when steps_before_order = 6 then '...' end),
            max(case when steps_before_order = 5 then channel end),
            max(case when steps_before_order = 4 then channel end),
            max(case when steps_before_order = 3 then channel end),
            max(case when steps_before_order = 2 then channel end),
            max(case when steps_before_order = 1 then channel end)
        ) as journey_path
    from steps
    group by
        source,
        order_id

),

order_paths as (

    select
        order_totals.net_amount_reporting,
        order_totals.touch_count,
        order_totals.as_of,
        order_totals.seconds_from_first_touch,
        coalesce(paths.step_count, 0) as step_count,
        coalesce(paths.journey_path, 'no touch seen') as journey_path
    from order_totals
    left join paths
        on
            order_totals.source = paths.source
            and order_totals.order_id = paths.order_id

),

final as (

    select
        ---------- strings
        journey_path,

        ---------- dates
        as_of,

        ---------- calculated
        cast(
            sum(net_amount_reporting) as decimal(18, 4)
        ) as net_amount,
        cast(sum(touch_count) as bigint) as touch_count,
        cast(sum(step_count) as bigint) as step_count,
        count(*) as order_count,
        cast(sum(seconds_from_first_touch) as double)
        / 86400 / count(*) as mean_days_from_first_touch
    from order_paths
    group by
        journey_path,
        as_of

)

select * from final
