with

events as (

    select * from {{ ref('stg_ga4__events') }}

),

parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

money_events as (

    select
        source,
        id_space,
        delivery_id,
        event_id,
        order_id,
        coalesce(
            {{ customer_identifier('user_id') }},
            {{ anonymous_identifier('anonymous_id') }}
        ) as identifier,
        event_name,
        currency,
        country,
        amount,
        tax_amount,
        shipping_amount,
        occurred_at,
        -- a tag that fires twice reports a purchase again: the first report counts
        row_number() over (
            partition by
                source,
                order_id,
                case when event_name = 'purchase' then 1 else 0 end
            order by occurred_at, event_id
        ) as report_number
    from events
    where event_name = 'purchase' or amount is not null

),

final as (

    select
        money_events.source,
        money_events.id_space,
        money_events.delivery_id,
        money_events.event_id,
        money_events.order_id,
        money_events.identifier,
        money_events.currency,
        money_events.country,
        money_events.amount,
        money_events.tax_amount,
        money_events.shipping_amount,
        money_events.occurred_at,
        case
            when money_events.event_name != 'purchase'
                then 'revenue of an event that is no purchase'
            when parameters.has_commerce_source
                then 'web purchase reported by the commerce source'
            when money_events.order_id is null then 'purchase without transaction id'
            when money_events.report_number > 1 then 'repeated transaction id'
        end as exclusion_reason
    from money_events
    cross join parameters

)

select * from final
