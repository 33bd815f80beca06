with

outcomes as (

    select * from {{ ref('int_scorer_outcomes') }}

),

value_groups as (

    select * from {{ ref('int_scorer_value_groups') }}

),

-- Of a buyer, the share of the others that rank below; of anybody else, the share of
-- buyers that rank above. Equals count half.
group_placements as (

    select
        origin_date,
        scorer,
        scorer_value,
        cast(
            round(
                cast(
                    2 * (customers_below - buyers_below)
                    + customer_count - buyer_count as double
                )
                / nullif(2 * (total_customers - total_buyers), 0),
                10
            ) as decimal(18, 10)
        ) as buyer_placement,
        cast(
            round(
                cast(
                    2 * (total_buyers - buyers_below - buyer_count) + buyer_count
                    as double
                )
                / nullif(2 * total_buyers, 0),
                10
            ) as decimal(18, 10)
        ) as other_placement
    from value_groups

),

final as (

    select
        ---------- ids
        outcomes.customer_id,

        ---------- strings
        outcomes.scorer,

        ---------- booleans
        outcomes.has_ordered,

        ---------- dates
        outcomes.origin_date,

        ---------- calculated
        case
            when outcomes.has_ordered then group_placements.buyer_placement
            else group_placements.other_placement
        end as placement
    from outcomes
    inner join group_placements
        on
            outcomes.origin_date = group_placements.origin_date
            and outcomes.scorer = group_placements.scorer
            and outcomes.scorer_value = group_placements.scorer_value

)

select * from final
