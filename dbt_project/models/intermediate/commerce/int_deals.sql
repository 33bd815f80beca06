with

hubspot_deals as (

    select * from {{ ref('stg_hubspot__deals') }}

),

generic_deals as (

    select * from {{ ref('stg_generic__deals') }}

),

final as (

    select
        source,
        id_space,
        delivery_id,
        deal_id,
        account_id,
        {{ customer_identifier('contact_id') }} as identifier,
        pipeline,
        stage,
        currency,
        amount,
        is_closed or is_won as is_closed,
        is_won,
        is_deleted,
        created_at,
        closed_at,
        updated_at
    from hubspot_deals

    union all

    select
        source,
        id_space,
        delivery_id,
        deal_id,
        account_id,
        {{ customer_identifier('contact_id') }} as identifier,
        pipeline,
        stage,
        currency,
        amount,
        is_closed or is_won as is_closed,
        is_won,
        is_deleted,
        created_at,
        closed_at,
        updated_at
    from generic_deals

)

select * from final
