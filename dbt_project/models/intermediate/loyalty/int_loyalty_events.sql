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
        order_id,

        ---------- strings
        kind,
        tier,
        currency,

        ---------- numerics
        points,
        value_amount,

        ---------- timestamps
        occurred_at,

        ---------- calculated
        coalesce(
            {{ loyalty_identifier('loyalty_id') }},
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier
    from generic_events

)

select * from final
