with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

orders as (

    select * from {{ ref('int_orders') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates') }}

),

membership_periods as (

    select * from {{ ref('int_customer_membership_periods') }}

),

-- An order of nobody known stays: it is revenue without a customer. What lies after the
-- logical date of the run leaves, as it does from every mart.
assigned as (

    select
        orders.*,
        identity_assignments.customer_id,
        run_parameters.reporting_currency,
        run_parameters.as_of
    from orders
    cross join run_parameters
    left join identity_assignments
        on
            orders.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'orders.ordered_at') }}
    where orders.ordered_date <= run_parameters.as_of

),

-- The rate of the order's own day; a missing one leaves the amount empty, which a test
-- refuses by currency and day.
rated as (

    select
        assigned.*,
        case
            when assigned.currency = assigned.reporting_currency then 1
            else exchange_rates.rate
        end as exchange_rate
    from assigned
    left join exchange_rates
        on
            assigned.currency = exchange_rates.from_currency
            and assigned.reporting_currency = exchange_rates.to_currency
            and assigned.ordered_date >= exchange_rates.valid_from
            and assigned.ordered_date
            < coalesce(exchange_rates.valid_to, date '9999-12-31')

),

member_orders as (

    select distinct
        rated.source,
        rated.order_id
    from rated
    inner join membership_periods
        on
            rated.customer_id = membership_periods.customer_id
            and rated.ordered_at >= membership_periods.valid_from
            and (
                membership_periods.valid_to is null
                or rated.ordered_at < membership_periods.valid_to
            )

),

counted_orders as (

    select
        source,
        order_id,
        row_number() over (
            partition by customer_id
            order by ordered_at, source, order_id
        ) as customer_order_number
    from rated
    where
        is_counted
        and customer_id is not null

),

final as (

    select
        ---------- ids
        rated.source,
        rated.order_id,
        rated.customer_id,

        ---------- strings
        rated.currency,
        rated.document_type,
        rated.status,
        rated.channel,

        ---------- numerics
        cast(counted_orders.customer_order_number as integer)
            as customer_order_number,
        cast(rated.exchange_rate as decimal(24, 10)) as exchange_rate,

        ---------- booleans
        rated.is_counted,
        rated.is_test,

        ---------- dates
        rated.ordered_date,
        rated.as_of,

        ---------- timestamps
        rated.ordered_at,

        ---------- calculated
        cast(round(rated.gross_amount * rated.exchange_rate, 4) as decimal(18, 4))
            as gross_amount_reporting,
        cast(
            round(rated.discount_amount * rated.exchange_rate, 4) as decimal(18, 4)
        ) as discount_amount_reporting,
        cast(
            round(rated.refund_amount * rated.exchange_rate, 4) as decimal(18, 4)
        ) as refund_amount_reporting,
        cast(round(rated.net_amount * rated.exchange_rate, 4) as decimal(18, 4))
            as net_amount_reporting,
        coalesce(rated.is_member_recorded, member_orders.order_id is not null)
            as is_member_at_order
    from rated
    left join member_orders
        on
            rated.source = member_orders.source
            and rated.order_id = member_orders.order_id
    left join counted_orders
        on
            rated.source = counted_orders.source
            and rated.order_id = counted_orders.order_id

)

select * from final
