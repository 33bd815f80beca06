with

placements as (

    select * from {{ ref('int_scorer_placements') }}

),

engagement as (

    select
        origin_date,
        customer_id,
        placement
    from placements
    where scorer = 'engagement'

),

-- DeLong, DeLong, Clarke-Pearson 1988: the area is the mean of the placements, so the
-- variance of an area, or of the difference of two on the same customers, is that of
-- two means: one over buyers and one over the others.
compared as (

    select
        placements.origin_date,
        placements.scorer,
        placements.has_ordered,
        placements.placement,
        engagement.placement - placements.placement as margin
    from placements
    inner join engagement
        on
            placements.origin_date = engagement.origin_date
            and placements.customer_id = engagement.customer_id

),

sums as (

    select
        origin_date,
        scorer,
        has_ordered,
        count(*) as n,
        cast(sum(placement) as double) as placement_total,
        cast(sum(margin) as double) as margin_total,
        cast(sum({{ squared('placement', 12) }}) as double) as placement_squares,
        cast(sum({{ squared('margin', 12) }}) as double) as margin_squares
    from compared
    group by
        origin_date,
        scorer,
        has_ordered

),

variances as (

    select
        origin_date,
        scorer,
        has_ordered,
        margin_total / n as mean_margin,
        greatest(placement_squares - placement_total * placement_total / n, 0)
        / nullif(n - 1, 0) / n as placement_variance,
        greatest(margin_squares - margin_total * margin_total / n, 0)
        / nullif(n - 1, 0) / n as margin_variance
    from sums

),

-- Placements are known to ten decimals, so what follows from them is said to nine. Both
-- sides must have a variance.
final as (

    select
        ---------- strings
        scorer,

        ---------- dates
        origin_date,

        ---------- calculated
        round(
            sqrt(
                max(case when has_ordered then placement_variance end)
                + max(case when not has_ordered then placement_variance end)
            ), 9
        ) as auc_standard_error,
        round(max(case when has_ordered then mean_margin end), 9) as auc_margin,
        round(
            sqrt(
                max(case when has_ordered then margin_variance end)
                + max(case when not has_ordered then margin_variance end)
            ), 9
        ) as auc_margin_standard_error
    from variances
    group by
        origin_date,
        scorer

)

select * from final
