with

touches as (

    select * from {{ ref('int_journey_touches') }}

),

attribution_models as (

    select 'first touch' as attribution_model
    union all
    select 'last touch' as attribution_model
    union all
    select 'linear' as attribution_model
    union all
    select 'time decay' as attribution_model

),

-- Time decay: a touch seven days before the order weighs half of one at the order.
weighed as (

    select
        touches.source,
        touches.order_id,
        touches.channel,
        touches.touch_number,
        touches.touch_count,
        touches.net_amount_reporting,
        touches.ordered_date,
        touches.as_of,
        attribution_models.attribution_model,
        case
            when touches.touch_count = 0 then 1
            when attribution_models.attribution_model = 'first touch'
                then case when touches.touch_number = 1 then 1 else 0 end
            when attribution_models.attribution_model = 'last touch'
                then
                    case
                        when touches.touch_number = touches.touch_count then 1
                        else 0
                    end
            when attribution_models.attribution_model = 'linear' then 1
            else
                power(
                    cast(2 as double),
                    -cast(touches.seconds_before_order as double) / 604800
                )
        end as weight
    from touches
    cross join attribution_models

),

decimals as (

    select
        *,
        cast(round(weight, 12) as decimal(18, 12)) as exact_weight
    from weighed

),

accumulated as (

    select
        *,
        sum(exact_weight) over (
            partition by source, order_id, attribution_model
            order by touch_number
            rows between unbounded preceding and current row
        ) as weight_so_far,
        sum(exact_weight) over (
            partition by source, order_id, attribution_model
            order by touch_number
            rows between unbounded preceding and current row
        ) - exact_weight as weight_before,
        sum(exact_weight) over (
            partition by source, order_id, attribution_model
        ) as total_weight
    from decimals

),

shares as (

    select
        *,
        cast(weight_before as double) / cast(total_weight as double) as share_before,
        cast(weight_so_far as double) / cast(total_weight as double) as share_so_far
    from accumulated

),

-- Each touch gets the step between two rounded running shares, so the parts of an order
-- add up to the order exactly.
final as (

    select
        ---------- ids
        source,
        order_id,

        ---------- strings
        attribution_model,

        ---------- numerics
        touch_number,

        ---------- dates
        ordered_date,
        as_of,

        ---------- calculated
        cast(
            cast(round(share_so_far, 10) as decimal(18, 10))
            - cast(round(share_before, 10) as decimal(18, 10))
            as decimal(18, 10)
        ) as credited_orders,
        cast(
            cast(
                round(cast(net_amount_reporting as double) * share_so_far, 4)
                as decimal(18, 4)
            )
            - cast(
                round(cast(net_amount_reporting as double) * share_before, 4)
                as decimal(18, 4)
            )
            as decimal(18, 4)
        ) as credited_net_amount,
        coalesce(channel, 'no touch seen') as channel
    from shares

)

select * from final
