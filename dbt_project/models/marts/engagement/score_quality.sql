with

value_groups as (

    select * from {{ ref('int_scorer_value_groups') }}

),

calibrations as (

    select * from {{ ref('int_scorer_calibrations') }}

),

margins as (

    select * from {{ ref('int_scorer_margins') }}

),

rivals as (

    select * from {{ ref('engagement_rivals') }}

),

evaluations as (

    select * from {{ ref('int_engagement_evaluations') }}

),

run_date as (

    select max(as_of) as as_of
    from evaluations

),

-- A group that straddles the border of the top tenth is in it with the share that fits.
shared as (

    select
        *,
        least(
            greatest(
                cast(total_customers as double) / 10
                - (total_customers - customers_below - customer_count),
                0
            ),
            customer_count
        ) / customer_count as share_in_top
    from value_groups

),

sums as (

    select
        origin_date,
        scorer,
        sum(customer_count) as customer_count,
        sum(buyer_count) as buyer_count,
        sum(customer_count - buyer_count) as other_count,
        sum(
            buyer_count
            * (2 * (customers_below - buyers_below) + customer_count - buyer_count)
        ) as doubled_wins,
        sum(cast(buyer_count * share_in_top as decimal(38, 12))) as buyers_in_top
    from shared
    group by
        origin_date,
        scorer

),

measured as (

    select
        *,
        cast(doubled_wins as double) / nullif(
            2 * cast(buyer_count as double) * cast(other_count as double), 0
        ) as auc,
        cast(buyers_in_top as double) / nullif(cast(buyer_count as double) / 10, 0)
            as top_decile_lift
    from sums

),

engagement as (

    select
        origin_date,
        top_decile_lift
    from measured
    where scorer = 'engagement'

),

decile_rates as (

    select
        origin_date,
        scorer,
        decile,
        cast(sum(buyer_count) as double) / sum(customer_count) as buyer_rate
    from value_groups
    group by
        origin_date,
        scorer,
        decile

),

decile_steps as (

    select
        origin_date,
        scorer,
        lag(buyer_rate) over (
            partition by origin_date, scorer
            order by decile
        ) - buyer_rate as rate_drop
    from decile_rates

),

-- Better deciles should buy more: by how much the worst step goes the other way.
decile_drops as (

    select
        origin_date,
        scorer,
        greatest(coalesce(max(rate_drop), 0), 0) as largest_decile_drop
    from decile_steps
    group by
        origin_date,
        scorer

),

-- No lift can pass one over the base rate. Where nearly everybody orders, a multiple
-- may be out of reach, and the score must only not be worse.
final as (

    select
        ---------- strings
        measured.scorer,

        ---------- numerics
        cast(30 as integer) as horizon_days,
        cast(measured.customer_count as bigint) as n,

        ---------- dates
        measured.origin_date,
        run_date.as_of,

        ---------- calculated
        measured.auc,
        margins.auc_standard_error,
        measured.top_decile_lift,
        decile_drops.largest_decile_drop,
        cast(measured.buyer_count as double) / measured.customer_count as base_rate,
        case
            when measured.scorer = 'engagement' then calibrations.calibration_error
        end as calibration_error,
        case
            when measured.scorer <> 'engagement' then margins.auc_margin
        end as auc_margin,
        case
            when measured.scorer <> 'engagement' then margins.auc_margin_standard_error
        end as auc_margin_standard_error,
        case
            when measured.scorer <> 'engagement'
                then engagement.top_decile_lift / nullif(measured.top_decile_lift, 0)
        end as lift_ratio,
        case
            when rivals.minimum_auc_margin is not null
                then
                    margins.auc_margin >= cast(rivals.minimum_auc_margin as double)
                    and engagement.top_decile_lift >= measured.top_decile_lift
                    * case
                        when
                            measured.top_decile_lift
                            * cast(rivals.minimum_lift_ratio as double)
                            * cast(measured.buyer_count as double)
                            <= measured.customer_count
                            then cast(rivals.minimum_lift_ratio as double)
                        else 1
                    end
        end as is_beaten
    from measured
    inner join margins
        on
            measured.origin_date = margins.origin_date
            and measured.scorer = margins.scorer
    inner join decile_drops
        on
            measured.origin_date = decile_drops.origin_date
            and measured.scorer = decile_drops.scorer
    inner join engagement
        on measured.origin_date = engagement.origin_date
    left join calibrations
        on measured.origin_date = calibrations.origin_date
    left join rivals
        on measured.scorer = rivals.scorer
    cross join run_date

)

select * from final
