with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

interactions as (

    select * from {{ ref('interactions') }}

),

-- Counting in two steps keeps the set of customers of a day out of one aggregate.
customer_days as (

    select
        channel,
        occurred_date,
        customer_id,
        count(*) as volume,
        sum(case when is_human then 1 else 0 end) as human_volume,
        sum(case when direction = 'outbound' then 1 else 0 end) as outbound_volume,
        sum(
            case when is_human and direction != 'outbound' then 1 else 0 end
        ) as responses
    from interactions
    group by
        channel,
        occurred_date,
        customer_id

),

channel_days as (

    select
        channel,
        occurred_date,
        sum(volume) as volume,
        sum(human_volume) as human_volume,
        sum(outbound_volume) as outbound_volume,
        sum(responses) as responses,
        count(customer_id) as reach,
        sum(
            case when customer_id is not null and responses > 0 then 1 else 0 end
        ) as responding_customers
    from customer_days
    group by
        channel,
        occurred_date

),

final as (

    select
        ---------- strings
        channel_days.channel,

        ---------- dates
        channel_days.occurred_date as date,
        run_parameters.as_of,

        ---------- calculated
        cast(channel_days.volume as bigint) as volume,
        cast(channel_days.human_volume as bigint) as human_volume,
        cast(channel_days.outbound_volume as bigint) as outbound_volume,
        cast(channel_days.responses as bigint) as responses,
        cast(channel_days.reach as bigint) as reach,
        cast(channel_days.responding_customers as bigint) as responding_customers,

        ---------- calculated
        channel_days.channel
        || '|'
        || cast(channel_days.occurred_date as string) as channel_day_id
    from channel_days
    cross join run_parameters

)

select * from final
