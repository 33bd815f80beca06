with

delivery_amounts as (

    select * from {{ ref('stg_run__delivery_amounts') }}

),

order_exclusions as (

    select * from {{ ref('int_order_exclusions') }}

),

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- Money that raw accepted and that became no order moves to the outcome that says why.
moved as (

    select
        delivery_id,
        currency,
        outcome,
        reason,
        amount
    from delivery_amounts

    union all

    select
        delivery_id,
        currency,
        'accepted' as outcome,
        '' as reason,
        -amount as amount
    from order_exclusions

    union all

    select
        delivery_id,
        currency,
        outcome,
        reason,
        amount
    from order_exclusions

),

summed as (

    select
        delivery_id,
        currency,
        outcome,
        reason,
        sum(amount) as amount
    from moved
    group by delivery_id, currency, outcome, reason

),

final as (

    select
        ---------- ids
        summed.delivery_id,

        ---------- strings
        summed.currency,
        summed.outcome,
        summed.reason,

        ---------- dates
        run_parameters.as_of,

        ---------- calculated
        cast(summed.amount as decimal(28, 4)) as amount
    from summed
    cross join run_parameters

)

select * from final
