with

exchange_rates as (

    select * from {{ ref('stg_generic__exchange_rates') }}

),

-- Two instances may report the same pair and day; the first by name is taken.
ranked as (

    select
        from_currency,
        to_currency,
        rate_date,
        rate,
        row_number() over (
            partition by from_currency, to_currency, rate_date
            order by source, rate
        ) as source_rank
    from exchange_rates
    where rate > 0

),

reported as (

    select
        from_currency,
        to_currency,
        rate_date,
        rate
    from ranked
    where source_rank = 1

),

reported_pairs as (

    select distinct
        from_currency,
        to_currency
    from reported

),

-- A pair that is reported only the other way round is turned over.
turned_over as (

    select
        reported.to_currency as from_currency,
        reported.from_currency as to_currency,
        reported.rate_date,
        cast(1 / reported.rate as decimal(24, 10)) as rate
    from reported
    left join reported_pairs
        on
            reported.to_currency = reported_pairs.from_currency
            and reported.from_currency = reported_pairs.to_currency
    where reported_pairs.from_currency is null

),

all_rates as (

    select
        from_currency,
        to_currency,
        rate_date,
        rate
    from reported

    union all

    select
        from_currency,
        to_currency,
        rate_date,
        rate
    from turned_over

),

-- A rate holds until the day of the next one, so that week-ends have one too.
final as (

    select
        from_currency,
        to_currency,
        rate_date as valid_from,
        rate,
        lead(rate_date) over (
            partition by from_currency, to_currency
            order by rate_date
        ) as valid_to
    from all_rates

)

select * from final
