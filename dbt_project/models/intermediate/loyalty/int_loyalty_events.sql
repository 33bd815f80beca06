with

generic_events as (

    select * from {{ ref('stg_generic__loyalty_events') }}

),

-- The programme's own number comes first: it is on every movement of a member, while
-- shop ids and e-mail addresses come and go, and a membership must not fall apart.
final as (

    select
        ---------- ids
        source,
        event_id,
        delivery_id,
        coalesce(
            id_space || '|loyalty|' || loyalty_id,
            id_space || '|customer|' || customer_id,
            'any|email|' || email_key
        ) as identifier,
        order_id,

        ---------- strings
        kind,
        tier,
        currency,

        ---------- numerics
        points,
        value_amount,

        ---------- timestamps
        occurred_at
    from generic_events

)

select * from final
