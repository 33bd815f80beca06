-- A failure means that orders in a currency cannot be stated in the reporting currency,
-- because no rate is known on or before their day: revenue would be too low. The
-- message names currencies and days. The data engineer on duty delivers the missing
-- rates (generic_exchange_rates) and runs the night again; nothing is published
-- meanwhile.

with

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

unrated as (

    select
        currency,
        min(ordered_date) as first_date,
        max(ordered_date) as last_date,
        count(*) as order_count
    from orders
    where exchange_rate is null and not is_test
    group by currency

),

named as (

    select
        unrated.currency || ' on ' || cast(unrated.first_date as string)
        || case
            when unrated.first_date = unrated.last_date then ''
            else ' (and days up to ' || cast(unrated.last_date as string) || ')'
        end
        || ', ' || cast(unrated.order_count as string) || ' orders, into '
        || run_parameters.reporting_currency as missing_rate
    from unrated
    cross join run_parameters

),

message as (

    select
        count(*) as currency_count,
        'no exchange rate for: ' || {{ joined_values('missing_rate', '; ') }} as told
    from named

)

select told
from message
where
    currency_count > 0
    and {{ refuse('told') }} is not null
