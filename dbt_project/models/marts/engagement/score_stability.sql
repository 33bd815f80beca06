with

evaluations as (

    select * from {{ ref('int_engagement_evaluations') }}

),

scores as (

    select * from {{ ref('int_engagement_scores') }}

),

points as (

    select * from {{ ref('int_engagement_points') }}

),

states as (

    select * from {{ ref('int_engagement_states') }}

),

reference_bands as (

    select * from {{ ref('engagement_reference_bands') }}

),

comparisons as (

    select
        days_ago as span_days,
        evaluated_on as compared_date,
        as_of,
        case days_ago
            when 1 then 'day before'
            when 7 then 'week before'
            when 30 then 'month before'
        end as compared_with
    from evaluations
    where days_ago in (1, 7, 30)
    union all
    select
        cast(null as integer) as span_days,
        cast(null as date) as compared_date,
        as_of,
        'reference window' as compared_with
    from evaluations
    where days_ago = 0

),

scores_today as (

    select
        customer_id,
        score
    from scores
    where days_ago = 0

),

pairs as (

    select
        scores.days_ago as span_days,
        scores_today.score,
        scores.score as score_before
    from scores_today
    inner join scores
        on scores_today.customer_id = scores.customer_id
    where scores.days_ago in (1, 7, 30)

),

-- Twice the rank around its mean, equals sharing theirs: whole numbers, so that sums
-- are exact in any order.
ranked as (

    select
        span_days,
        2 * rank() over (partition by span_days order by score)
        + count(*) over (partition by span_days, score)
        - count(*) over (partition by span_days) - 2 as rank_today,
        2 * rank() over (partition by span_days order by score_before)
        + count(*) over (partition by span_days, score_before)
        - count(*) over (partition by span_days) - 2 as rank_before
    from pairs

),

rank_correlations as (

    select
        span_days,
        count(*) as n,
        cast(
            sum(
                cast(rank_today as decimal(18, 0))
                * cast(rank_before as decimal(18, 0))
            ) as double
        )
        / nullif(
            sqrt(
                cast(
                    sum(
                        cast(rank_today as decimal(18, 0))
                        * cast(rank_today as decimal(18, 0))
                    ) as double
                )
                * cast(
                    sum(
                        cast(rank_before as decimal(18, 0))
                        * cast(rank_before as decimal(18, 0))
                    ) as double
                )
            ),
            0
        ) as rank_correlation
    from ranked
    group by span_days

),

-- What decays can only come nearer to nothing: without a new event of the signal its
-- points, given or taken, must not grow.
grown_points as (

    select
        points_before.days_ago as span_days,
        count(*) as silent_growth_count
    from points as points_today
    inner join points as points_before
        on
            points_today.customer_id = points_before.customer_id
            and points_today.signal = points_before.signal
    inner join states
        on
            points_today.customer_id = states.customer_id
            and points_today.signal = states.signal
    inner join evaluations
        on points_before.days_ago = evaluations.days_ago
    where
        points_today.days_ago = 0
        and states.days_ago = 0
        and points_before.days_ago in (1, 7, 30)
        and states.last_active_date <= evaluations.evaluated_on
        and abs(points_today.contribution) > abs(points_before.contribution)
    group by points_before.days_ago

),

-- Bands of ten points; 100 belongs to the last.
band_counts as (

    select
        days_ago,
        least(cast(floor(score / 10) as integer), 9) as band,
        count(*) as customer_count
    from scores
    where days_ago in (0, 1, 7, 30)
    group by
        days_ago,
        least(cast(floor(score / 10) as integer), 9)

),

band_totals as (

    select
        days_ago,
        sum(customer_count) as customer_count
    from band_counts
    group by days_ago

),

band_shares as (

    select
        band_counts.days_ago,
        band_counts.band,
        cast(band_counts.customer_count as double)
        / cast(band_totals.customer_count as double) as customer_share
    from band_counts
    inner join band_totals
        on band_counts.days_ago = band_totals.days_ago

),

-- An empty band counts as one customer in ten thousand: the logarithm needs something.
paired_shares as (

    select
        comparisons.compared_with,
        comparisons.span_days,
        reference_bands.band,
        greatest(coalesce(shares_today.customer_share, 0), 0.0001) as share_today,
        greatest(
            case
                when comparisons.span_days is null
                    then cast(reference_bands.reference_share as double)
                else coalesce(shares_before.customer_share, 0)
            end,
            0.0001
        ) as share_before
    from comparisons
    cross join reference_bands
    left join band_shares as shares_today
        on
            reference_bands.band = shares_today.band
            and shares_today.days_ago = 0
    left join band_shares as shares_before
        on
            reference_bands.band = shares_before.band
            and comparisons.span_days = shares_before.days_ago

),

shifts as (

    select
        compared_with,
        cast(
            sum(
                cast(
                    round(
                        (share_today - share_before) * ln(share_today / share_before),
                        12
                    ) as decimal(18, 12)
                )
            ) as double
        ) as population_stability_index
    from paired_shares
    group by compared_with

),

totals as (

    select count(*) as scored_customers
    from scores_today

),

final as (

    select
        ---------- strings
        comparisons.compared_with,

        ---------- numerics
        comparisons.span_days,
        cast(
            case
                when comparisons.span_days is null then totals.scored_customers
                else coalesce(rank_correlations.n, 0)
            end as bigint
        ) as n,
        cast(
            case
                when comparisons.span_days is not null
                    then coalesce(grown_points.silent_growth_count, 0)
            end as bigint
        ) as silent_growth_count,
        rank_correlations.rank_correlation,

        ---------- dates
        comparisons.compared_date,
        comparisons.as_of,

        ---------- calculated
        case
            when
                comparisons.span_days is null
                and totals.scored_customers > 0
                then shifts.population_stability_index
            when rank_correlations.n > 0 then shifts.population_stability_index
        end as population_stability_index
    from comparisons
    inner join shifts
        on comparisons.compared_with = shifts.compared_with
    cross join totals
    left join rank_correlations
        on comparisons.span_days = rank_correlations.span_days
    left join grown_points
        on comparisons.span_days = grown_points.span_days

)

select * from final
