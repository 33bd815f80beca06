with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

views as (

    select * from {{ ref('int_content_views') }}

),

orders as (

    select * from {{ ref('orders') }}

),

viewers as (

    select
        source,
        page_address,
        viewer,
        max(customer_id) as customer_id,
        count(*) as view_count,
        min(occurred_at) as first_viewed_at
    from views
    group by
        source,
        page_address,
        viewer

),

-- Only of known customers can it be told whether they bought.
ordering_viewers as (

    select distinct
        viewers.source,
        viewers.page_address,
        viewers.viewer
    from viewers
    inner join orders
        on
            viewers.customer_id = orders.customer_id
            and viewers.first_viewed_at <= orders.ordered_at
    where
        orders.is_counted
        and orders.ordered_at < viewers.first_viewed_at + interval 14 days

),

totals as (

    select
        viewers.source,
        viewers.page_address,
        cast(count(viewers.customer_id) as double) as known_viewers,
        cast(count(ordering_viewers.viewer) as double) as ordering_viewers,
        sum(viewers.view_count) as view_count,
        count(*) as viewer_count,
        sum(case when viewers.view_count > 1 then 1 else 0 end)
            as returning_viewer_count
    from viewers
    left join ordering_viewers
        on
            viewers.source = ordering_viewers.source
            and viewers.page_address = ordering_viewers.page_address
            and viewers.viewer = ordering_viewers.viewer
    group by
        viewers.source,
        viewers.page_address

),

rated as (

    select
        *,
        nullif(known_viewers, 0) as n
    from totals

),

intervals as (

    select
        *,
        ordering_viewers / n as order_rate,
        (ordering_viewers / n + 3.8414588 / (2 * n)) / (1 + 3.8414588 / n) as centre,
        1.959964
        * sqrt(
            ordering_viewers / n * (1 - ordering_viewers / n) / n
            + 3.8414588 / (4 * n * n)
        )
        / (1 + 3.8414588 / n) as half_width
    from rated

),

final as (

    select
        ---------- ids
        intervals.source,
        intervals.page_address,

        ---------- numerics
        intervals.order_rate,

        ---------- dates
        run_parameters.as_of,

        ---------- calculated
        cast(intervals.view_count as bigint) as view_count,
        cast(intervals.viewer_count as bigint) as viewer_count,
        cast(intervals.returning_viewer_count as bigint) as returning_viewer_count,
        cast(intervals.known_viewers as bigint) as known_viewer_count,
        cast(intervals.ordering_viewers as bigint) as ordering_viewer_count,
        greatest(intervals.centre - intervals.half_width, 0) as interval_low,
        least(intervals.centre + intervals.half_width, 1) as interval_high
    from intervals
    cross join run_parameters

)

select * from final
