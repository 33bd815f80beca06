with

comparisons as (

    select * from {{ ref('int_loyalty_comparisons') }}

),

claims as (

    select * from {{ ref('loyalty_claims') }}

),

reported_dates as (

    select * from {{ ref('int_kpi_reported_dates') }}

),

run_date as (

    select max(as_of) as as_of
    from reported_dates

),

sums as (

    select
        claim,
        form,
        cast(sum(member_numerator) as double) as member_total,
        cast(sum(member_denominator) as double) as member_base,
        cast(sum(other_numerator) as double) as other_total,
        cast(sum(other_denominator) as double) as other_base,
        count(*) as customer_count,
        sum(case when member_denominator > 0 then 1 else 0 end) as n_members,
        sum(case when other_denominator > 0 then 1 else 0 end) as n_others
    from comparisons
    group by
        claim,
        form

),

-- A comparison with an empty or worthless side is not answered rather than guessed.
rates as (

    select
        *,
        member_total / nullif(member_base, 0) as member_rate,
        other_total / nullif(other_base, 0) as other_rate
    from sums
    where
        member_total > 0
        and member_base > 0
        and other_total > 0
        and other_base > 0

),

-- What one customer moves the logarithm of the ratio. Both sides of a customer who
-- bought before and after joining are in it, so that their orders are not taken as
-- independent.
influences as (

    select
        comparisons.claim,
        comparisons.form,
        (
            cast(comparisons.member_numerator as double)
            - rates.member_rate * cast(comparisons.member_denominator as double)
        ) / rates.member_total
        - (
            cast(comparisons.other_numerator as double)
            - rates.other_rate * cast(comparisons.other_denominator as double)
        ) / rates.other_total as influence
    from comparisons
    inner join rates
        on
            comparisons.claim = rates.claim
            and comparisons.form = rates.form

),

-- Squares are added up as parts of the largest, whatever the claim counts.
scaled as (

    select
        claim,
        form,
        influence,
        max(abs(influence)) over (partition by claim, form) as largest_influence
    from influences

),

variances as (

    select
        claim,
        form,
        coalesce(
            cast(
                sum({{ squared('influence / nullif(largest_influence, 0)', 22) }})
                as double
            ), 0
        )
        * max(largest_influence)
        * max(largest_influence) as influence_squared
    from scaled
    group by
        claim,
        form

),

estimated as (

    select
        rates.claim,
        rates.form,
        rates.member_rate / rates.other_rate as ratio,
        case
            when rates.n_members > 1 and rates.n_others > 1
                then
                    sqrt(
                        variances.influence_squared
                        * rates.customer_count
                        / (rates.customer_count - 1)
                    )
        end as standard_error
    from rates
    inner join variances
        on
            rates.claim = variances.claim
            and rates.form = variances.form

),

-- A claim that the data cannot answer yet is reported without a number.
final as (

    select
        ---------- strings
        claims.claim,
        claims.form,
        claims.members,
        claims.others,
        claims.caveat,

        ---------- numerics
        cast(coalesce(sums.n_members, 0) as bigint) as n_members,
        cast(coalesce(sums.n_others, 0) as bigint) as n_others,

        ---------- dates
        run_date.as_of,

        ---------- calculated
        estimated.ratio
        - case when claims.form like 'relative uplift%' then 1 else 0 end as value,
        estimated.ratio * exp(-1.959964 * estimated.standard_error)
        - case when claims.form like 'relative uplift%' then 1 else 0 end
            as interval_low,
        estimated.ratio * exp(1.959964 * estimated.standard_error)
        - case when claims.form like 'relative uplift%' then 1 else 0 end
            as interval_high
    from claims
    cross join run_date
    left join sums
        on
            claims.claim = sums.claim
            and claims.form = sums.form
    left join estimated
        on
            claims.claim = estimated.claim
            and claims.form = estimated.form

)

select * from final
