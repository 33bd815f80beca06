-- A row means: a campaign's cost is in a currency without a rate to the reporting
-- currency on or before the campaign's first day, so its cost would be missing or too
-- low in campaigns. Marketing acts: deliver generic_exchange_rates for the currency and
-- day named here, or the cost in the reporting currency.
with

priced_campaigns as (

    select
        campaigns.campaign_id,
        campaigns.channel,
        campaigns.currency,
        run_parameters.reporting_currency,
        coalesce(
            {{ local_date('campaigns.started_at', 'run_parameters.time_zone') }},
            run_parameters.as_of
        ) as rate_date
    from {{ ref('int_campaigns') }} as campaigns
    cross join {{ ref('stg_run__parameters') }} as run_parameters
    where
        campaigns.cost is not null
        and campaigns.currency != run_parameters.reporting_currency

)

select
    priced_campaigns.campaign_id,
    priced_campaigns.channel,
    priced_campaigns.currency,
    priced_campaigns.rate_date
from priced_campaigns
left join {{ ref('int_exchange_rates') }} as exchange_rates
    on
        priced_campaigns.currency = exchange_rates.from_currency
        and priced_campaigns.reporting_currency = exchange_rates.to_currency
        and priced_campaigns.rate_date >= exchange_rates.valid_from
        and priced_campaigns.rate_date
        < coalesce(exchange_rates.valid_to, date '9999-12-31')
where exchange_rates.rate is null
