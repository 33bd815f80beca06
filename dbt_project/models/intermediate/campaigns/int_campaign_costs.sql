with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

declared_campaigns as (

    select * from {{ ref('int_campaigns') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

dated as (

    select
        declared_campaigns.campaign_id,
        declared_campaigns.channel,
        declared_campaigns.cost,
        declared_campaigns.currency,
        run_parameters.reporting_currency,
        run_parameters.as_of,
        {{ local_date('declared_campaigns.started_at', 'run_parameters.time_zone') }}
            as started_date
    from declared_campaigns
    cross join run_parameters

),

-- A cost is converted at the rate of the campaign's first day.
final as (

    select
        ---------- ids
        dated.campaign_id,
        dated.channel,

        ---------- calculated
        cast(
            sum(
                dated.cost
                * case
                    when dated.currency = dated.reporting_currency then 1
                    else exchange_rates.rate
                end
            ) as decimal(18, 4)
        ) as cost,
        min(dated.started_date) as started_date
    from dated
    left join exchange_rates
        on
            dated.currency = exchange_rates.from_currency
            and dated.reporting_currency = exchange_rates.to_currency
            and coalesce(dated.started_date, dated.as_of) >= exchange_rates.valid_from
            and coalesce(dated.started_date, dated.as_of)
            < coalesce(exchange_rates.valid_to, date '9999-12-31')
    group by
        dated.campaign_id,
        dated.channel

)

select * from final
