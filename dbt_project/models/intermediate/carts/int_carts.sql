with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

generic_carts as (

    select * from {{ ref('stg_generic__carts') }}

),

identified as (

    select
        source,
        cart_id,
        delivery_id,
        order_id,
        channel,
        currency,
        amount,
        item_count,
        created_at,
        updated_at,
        completed_at,
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }},
            {{ anonymous_identifier('anonymous_id') }}
        ) as identifier
    from generic_carts

),

final as (

    select
        ---------- ids
        identified.source,
        identified.cart_id,
        identified.delivery_id,
        identified.identifier,
        identified.order_id,

        ---------- strings
        identified.channel,

        ---------- numerics
        identified.amount,
        identified.item_count,

        ---------- timestamps
        identified.created_at,
        identified.updated_at,
        identified.completed_at,

        ---------- calculated
        coalesce(
            identified.currency, run_parameters.reporting_currency
        ) as currency,
        coalesce(
            cast(identified.completed_at as string), identified.order_id
        ) is not null as is_completed
    from identified
    cross join run_parameters

)

select * from final
