with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

generic_carts as (

    select * from {{ ref('stg_generic__carts') }}

),

final as (

    select
        ---------- ids
        generic_carts.source,
        generic_carts.cart_id,
        generic_carts.delivery_id,
        coalesce(
            generic_carts.id_space || '|customer|' || generic_carts.customer_id,
            'any|email|' || generic_carts.email_key,
            generic_carts.id_space || '|anonymous|' || generic_carts.anonymous_id
        ) as identifier,
        generic_carts.order_id,

        ---------- strings
        coalesce(
            generic_carts.currency, run_parameters.reporting_currency
        ) as currency,
        generic_carts.channel,

        ---------- numerics
        generic_carts.amount,
        generic_carts.item_count,

        ---------- booleans
        coalesce(
            cast(generic_carts.completed_at as string), generic_carts.order_id
        ) is not null as is_completed,

        ---------- timestamps
        generic_carts.created_at,
        generic_carts.updated_at,
        generic_carts.completed_at
    from generic_carts
    cross join run_parameters

)

select * from final
