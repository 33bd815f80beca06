with

web_purchases as (

    select * from {{ ref('int_web_purchases_ranked') }}

),

payments as (

    select * from {{ ref('int_payments_judged') }}

),

line_exclusions as (

    select * from {{ ref('int_order_line_exclusions') }}

),

web_exclusions as (

    select
        delivery_id,
        source,
        currency,
        exclusion_reason as reason,
        1 as row_count,
        case
            when
                exclusion_reason in (
                    'repeated transaction id',
                    'web purchase reported by the commerce source'
                )
                then 'duplicate'
            else 'quarantined'
        end as outcome,
        coalesce(amount, 0) as amount
    from web_purchases
    where exclusion_reason is not null

),

payment_exclusions as (

    select
        delivery_id,
        source,
        currency,
        exclusion_reason as reason,
        1 as row_count,
        amount,
        case
            when
                exclusion_reason in (
                    'payment of an order that its shop reports',
                    'payment authorised or voided: no money moved'
                )
                then 'duplicate'
            else 'quarantined'
        end as outcome
    from payments
    where exclusion_reason is not null

),

exclusions as (

    {% for origin in ['web_exclusions', 'line_exclusions', 'payment_exclusions'] -%}
    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        amount,
        row_count
    from {{ origin }}
    {%- if not loop.last %}

    union all

    {% endif -%}
    {%- endfor %}

),

final as (

    select
        delivery_id,
        source,
        currency,
        outcome,
        reason,
        cast(sum(amount) as decimal(18, 4)) as amount,
        cast(sum(row_count) as bigint) as row_count
    from exclusions
    group by delivery_id, source, currency, outcome, reason

)

select * from final
