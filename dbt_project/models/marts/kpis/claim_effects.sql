with

claims as (

    select * from {{ ref('engagement_claims') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

cases as (

    select * from {{ ref('int_claim_cases') }}

),

sums as (

    select
        claim,
        cast(count(*) as double) as customer_count,
        cast(sum(exposed_count) as double) as exposed_base,
        cast(sum(other_count) as double) as other_base,
        cast(sum(exposed_outcome) as double) as exposed_total,
        cast(sum(other_outcome) as double) as other_total,
        sum(case when exposed_count > 0 then 1 else 0 end) as n_exposed,
        sum(case when other_count > 0 then 1 else 0 end) as n_others
    from cases
    group by claim

),

-- A comparison with an empty side is not answered rather than guessed.
rates as (

    select
        *,
        exposed_total / exposed_base as exposed_rate,
        other_total / other_base as other_rate
    from sums
    where
        exposed_base > 0
        and other_base > 0

),

-- What one customer moves the difference. Both sides of a customer are in it, so that
-- their mailings are not taken as independent.
influences as (

    select
        cases.claim,
        (
            cast(cases.exposed_outcome as double)
            - rates.exposed_rate * cases.exposed_count
        ) / rates.exposed_base
        - (
            cast(cases.other_outcome as double)
            - rates.other_rate * cases.other_count
        ) / rates.other_base as influence
    from cases
    inner join rates
        on cases.claim = rates.claim

),

-- Squares are added up as parts of the largest, whatever the claim counts: money of any
-- currency or mailings.
scaled as (

    select
        claim,
        influence,
        max(abs(influence)) over (partition by claim) as largest_influence
    from influences

),

variances as (

    select
        claim,
        coalesce(
            cast(
                sum({{ squared('influence / nullif(largest_influence, 0)', 22) }})
                as double
            ), 0
        )
        * max(largest_influence)
        * max(largest_influence) as influence_squared
    from scaled
    group by claim

),

-- With fewer than ten customers on a side the normal interval of a share is too narrow
-- to be shown; nor is one without any spread.
estimated as (

    select
        rates.claim,
        rates.exposed_rate,
        rates.other_rate,
        rates.exposed_rate - rates.other_rate as effect,
        case
            when
                rates.n_exposed >= 10
                and rates.n_others >= 10
                and variances.influence_squared > 0
                then
                    1.959964
                    * sqrt(
                        variances.influence_squared
                        * rates.customer_count
                        / (rates.customer_count - 1)
                    )
        end as half_width
    from rates
    inner join variances
        on rates.claim = variances.claim

),

-- A claim that the data cannot answer yet is reported without a number.
final as (

    select
        ---------- strings
        claims.claim,
        claims.exposure,
        claims.outcome,
        claims.caveat,

        ---------- numerics
        claims.horizon_days,
        estimated.exposed_rate,
        estimated.other_rate,
        estimated.effect,

        ---------- dates
        run_parameters.as_of,

        ---------- calculated
        cast(coalesce(sums.customer_count, 0) as bigint) as n,
        cast(coalesce(sums.n_exposed, 0) as bigint) as n_exposed,
        cast(coalesce(sums.n_others, 0) as bigint) as n_others,
        estimated.effect - estimated.half_width as interval_low,
        estimated.effect + estimated.half_width as interval_high
    from claims
    cross join run_parameters
    left join sums
        on claims.claim = sums.claim
    left join estimated
        on claims.claim = estimated.claim

)

select * from final
