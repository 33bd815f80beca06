with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

touches as (

    select * from {{ ref('int_customer_touches') }}

),

-- A visit begins with looking around and ends with looking on: what counts of a day is
-- how far the customer came. Touches without a registered stage leave.
days as (

    select
        customer_id,
        occurred_date,
        max(
            case journey_stage
                when 'awareness' then 1
                when 'consideration' then 2
                when 'purchase' then 3
                when 'after_sales' then 4
                when 'loyalty' then 5
                when 'advocacy' then 6
            end
        ) as stage_number
    from touches
    where direction != 'outbound'
    group by
        customer_id,
        occurred_date

),

compared as (

    select
        customer_id,
        occurred_date,
        stage_number,
        lag(stage_number) over (
            partition by customer_id
            order by occurred_date
        ) as previous_number
    from days
    where stage_number is not null

),

-- Day after day in the same stage is one stay in it.
stays as (

    select
        customer_id,
        stage_number,
        occurred_date as entered_on,
        lead(stage_number) over (
            partition by customer_id
            order by occurred_date
        ) as next_number,
        lead(occurred_date) over (
            partition by customer_id
            order by occurred_date
        ) as next_entered_on
    from compared
    where
        previous_number is null
        or previous_number != stage_number

),

stage_names as (

    select
        1 as stage_number,
        'awareness' as stage_name
    union all
    select
        2 as stage_number,
        'consideration' as stage_name
    union all
    select
        3 as stage_number,
        'purchase' as stage_name
    union all
    select
        4 as stage_number,
        'after_sales' as stage_name
    union all
    select
        5 as stage_number,
        'loyalty' as stage_name
    union all
    select
        6 as stage_number,
        'advocacy' as stage_name

),

transitions as (

    select
        stays.customer_id,
        entered.stage_name as from_stage,
        coalesce(followed.stage_name, 'none so far') as to_stage,
        {{ days_between('stays.entered_on', 'stays.next_entered_on') }} as days_between
    from stays
    inner join stage_names as entered
        on stays.stage_number = entered.stage_number
    left join stage_names as followed
        on stays.next_number = followed.stage_number

),

totals as (

    select
        from_stage,
        to_stage,
        count(*) as transition_count,
        count(distinct customer_id) as customer_count,
        {{ quantile('days_between', 0.5) }} as median_days
    from transitions
    group by
        from_stage,
        to_stage

),

final as (

    select
        ---------- strings
        totals.from_stage,
        totals.to_stage,

        ---------- numerics
        totals.transition_count,
        totals.customer_count,
        totals.median_days,

        ---------- dates
        run_parameters.as_of,

        ---------- calculated
        cast(totals.transition_count as double)
        / sum(totals.transition_count) over (partition by totals.from_stage)
            as transition_share
    from totals
    cross join run_parameters

)

select * from final
