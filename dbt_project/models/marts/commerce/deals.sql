with

int_deals as (

    select * from {{ ref('int_deals') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

dated as (

    select
        int_deals.source,
        int_deals.deal_id,
        int_deals.account_id,
        int_deals.identifier,
        int_deals.pipeline,
        int_deals.stage,
        int_deals.currency,
        int_deals.amount,
        int_deals.is_closed,
        int_deals.is_won,
        int_deals.is_deleted,
        int_deals.created_at,
        int_deals.closed_at,
        run_parameters.reporting_currency,
        run_parameters.as_of,
        {{ local_date('int_deals.created_at', 'run_parameters.time_zone') }}
            as created_date,
        {{ local_date('int_deals.closed_at', 'run_parameters.time_zone') }}
            as closed_date
    from int_deals
    cross join run_parameters

),

-- What happened after the run's day has not happened yet: such a deal is not opened, or
-- still open.
known as (

    select
        source,
        deal_id,
        account_id,
        identifier,
        pipeline,
        stage,
        currency,
        amount,
        is_deleted,
        created_at,
        closed_at,
        reporting_currency,
        as_of,
        created_date,
        closed_date,
        is_closed and coalesce(closed_date <= as_of, true) as is_closed,
        is_won and coalesce(closed_date <= as_of, true) as is_won
    from dated
    where created_date is null or created_date <= as_of

),

-- Money of a deal is seen at the rate of the day it was closed, or of the run.
final as (

    select
        ---------- ids
        known.deal_id,
        known.source,
        identity_assignments.customer_id,
        known.account_id,
        known.identifier,

        ---------- strings
        known.pipeline,
        known.stage,
        known.currency,

        ---------- numerics
        known.amount,

        ---------- booleans
        known.is_closed,
        known.is_won,
        known.is_deleted,

        ---------- dates
        known.created_date,
        known.as_of,

        ---------- timestamps
        known.created_at,

        ---------- calculated
        case
            when known.is_won then 'won'
            when known.is_closed then 'lost'
            else 'open'
        end as status,
        cast(
            round(
                known.amount
                * case
                    when known.currency = known.reporting_currency then 1
                    else exchange_rates.rate
                end,
                4
            )
            as decimal(18, 4)
        ) as amount_reporting,
        case when known.is_closed then known.closed_at end as closed_at,
        case when not known.is_closed then known.closed_at end as expected_close_at,
        case
            when known.is_closed
                then {{ days_between('known.created_date', 'known.closed_date') }}
        end as days_to_close
    from known
    left join identity_assignments
        on
            known.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'known.created_at') }}
    left join exchange_rates
        on
            known.currency = exchange_rates.from_currency
            and known.reporting_currency = exchange_rates.to_currency
            and case when known.is_closed then known.closed_date else known.as_of end
            >= exchange_rates.valid_from
            and case when known.is_closed then known.closed_date else known.as_of end
            < coalesce(exchange_rates.valid_to, date '9999-12-31')

)

select * from final
