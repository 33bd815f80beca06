with

campaign_responses as (

    select * from {{ ref('int_campaign_responses') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

-- Revenue of nobody follows nobody's click: orders without a customer leave.
candidates as (

    select
        orders.source as order_source,
        orders.order_id,
        orders.net_amount_reporting,
        orders.ordered_at,
        campaign_responses.source,
        campaign_responses.campaign_id,
        campaign_responses.channel,
        campaign_responses.response_id,
        campaign_responses.responded_at
    from orders
    inner join campaign_responses
        on
            orders.customer_id = campaign_responses.customer_id
            and orders.ordered_at >= campaign_responses.responded_at
    where
        orders.is_counted
        and campaign_responses.responded_at >= orders.ordered_at - interval 5 days

),

ranked as (

    select
        *,
        row_number() over (
            partition by order_source, order_id, channel
            order by responded_at desc, response_id desc
        ) as response_rank
    from candidates

),

final as (

    select
        ---------- ids
        order_source,
        order_id,
        source,
        campaign_id,
        response_id,

        ---------- strings
        channel,

        ---------- numerics
        net_amount_reporting,

        ---------- timestamps
        responded_at,
        ordered_at
    from ranked
    where response_rank = 1

)

select * from final
