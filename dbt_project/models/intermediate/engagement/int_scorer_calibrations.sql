with

value_groups as (

    select * from {{ ref('int_scorer_value_groups') }}

),

-- The score is turned into a probability by what came after the origin before, whose
-- thirty days are over at this one.
origins as (

    select
        origin_date,
        lag(origin_date) over (order by origin_date) as learned_on
    from value_groups
    where scorer = 'engagement'
    group by origin_date

),

learned as (

    select
        origin_date as learned_on,
        decile,
        min(scorer_value) as lowest_value,
        sum(customer_count) as customer_count,
        sum(buyer_count) as buyer_count
    from value_groups
    where scorer = 'engagement'
    group by
        origin_date,
        decile

),

running as (

    select
        *,
        sum(customer_count) over (
            partition by learned_on
            order by decile
            rows between unbounded preceding and current row
        ) as customers_through,
        sum(buyer_count) over (
            partition by learned_on
            order by decile
            rows between unbounded preceding and current row
        ) as buyers_through,
        coalesce(
            lead(lowest_value) over (partition by learned_on order by decile),
            cast(99999999 as decimal(18, 10))
        ) as next_lowest_value,
        row_number() over (partition by learned_on order by decile) as place
    from learned

),

runs as (

    select
        *,
        customers_through - customer_count as customers_before,
        buyers_through - buyer_count as buyers_before
    from running

),

-- Isotonic regression of the tenths' rates by its max-min form (Robertson, Wright and
-- Dykstra 1988): the highest of the lowest means over all runs of tenths around one.
lowest_means as (

    select
        tenths.learned_on,
        tenths.decile,
        first_tenths.decile as start_decile,
        min(
            cast(last_tenths.buyers_through - first_tenths.buyers_before as double)
            / (last_tenths.customers_through - first_tenths.customers_before)
        ) as lowest_mean
    from runs as tenths
    inner join runs as first_tenths
        on
            tenths.learned_on = first_tenths.learned_on
            and tenths.decile >= first_tenths.decile
    inner join runs as last_tenths
        on
            tenths.learned_on = last_tenths.learned_on
            and tenths.decile <= last_tenths.decile
    group by
        tenths.learned_on,
        tenths.decile,
        first_tenths.decile

),

rates as (

    select
        learned_on,
        decile,
        cast(round(max(lowest_mean), 10) as decimal(18, 10)) as buyer_rate
    from lowest_means
    group by
        learned_on,
        decile

),

bands as (

    select
        running.learned_on,
        rates.buyer_rate,
        running.next_lowest_value,
        case
            when running.place > 1 then running.lowest_value
            else cast(-99999999 as decimal(18, 10))
        end as lowest_value
    from running
    inner join rates
        on
            running.learned_on = rates.learned_on
            and running.decile = rates.decile

),

forecasts as (

    select
        value_groups.origin_date,
        value_groups.decile,
        sum(value_groups.customer_count) as customer_count,
        sum(value_groups.buyer_count) as buyer_count,
        sum(value_groups.customer_count * bands.buyer_rate) as expected_count
    from value_groups
    inner join origins
        on value_groups.origin_date = origins.origin_date
    inner join bands
        on
            origins.learned_on = bands.learned_on
            and value_groups.scorer_value >= bands.lowest_value
            and value_groups.scorer_value < bands.next_lowest_value
    where value_groups.scorer = 'engagement'
    group by
        value_groups.origin_date,
        value_groups.decile

),

final as (

    select
        ---------- dates
        origin_date,

        ---------- calculated
        round(
            cast(sum(abs(expected_count - buyer_count)) as double)
            / sum(customer_count),
            9
        ) as calibration_error
    from forecasts
    group by origin_date

)

select * from final
