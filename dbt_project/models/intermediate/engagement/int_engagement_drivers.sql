with

changes as (

    select * from {{ ref('int_engagement_changes') }}

),

-- What a driver is: a signal and the points it gives, takes, or has moved by.
moves as (

    select
        customer_id,
        'positive' as driver_kind,
        signal,
        contribution as points
    from changes
    where contribution > 0
    union all
    select
        customer_id,
        'negative' as driver_kind,
        signal,
        contribution as points
    from changes
    where contribution < 0
    union all
    select
        customer_id,
        'change_1d' as driver_kind,
        signal,
        change_1d as points
    from changes
    where change_1d <> 0
    union all
    select
        customer_id,
        'change_7d' as driver_kind,
        signal,
        change_7d as points
    from changes
    where change_7d <> 0
    union all
    select
        customer_id,
        'change_30d' as driver_kind,
        signal,
        change_30d as points
    from changes
    where change_30d <> 0

),

ranked as (

    select
        customer_id,
        driver_kind,
        case
            when driver_kind in ('positive', 'negative') then signal
            when points < 0 then '-' || signal
            else '+' || signal
        end as driver,
        row_number() over (
            partition by customer_id, driver_kind
            order by abs(points) desc, signal asc
        ) as driver_rank
    from moves

),

named as (

    select
        customer_id,
        driver_kind,
        concat_ws(
            ', ',
            max(case when driver_rank = 1 then driver end),
            max(case when driver_rank = 2 then driver end),
            max(case when driver_rank = 3 then driver end)
        ) as drivers
    from ranked
    where driver_rank <= 3
    group by
        customer_id,
        driver_kind

),

final as (

    select
        ---------- ids
        customer_id,

        ---------- strings
        max(case when driver_kind = 'positive' then drivers end)
            as top_positive_drivers,
        max(case when driver_kind = 'negative' then drivers end)
            as top_negative_drivers,
        max(case when driver_kind = 'change_1d' then drivers end) as change_1d_drivers,
        max(case when driver_kind = 'change_7d' then drivers end) as change_7d_drivers,
        max(case when driver_kind = 'change_30d' then drivers end) as change_30d_drivers
    from named
    group by customer_id

)

select * from final
