with

source as (

    select * from {{ source('hubspot', 'deals') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        deal_id,
        contact_id,
        account_id,

        ---------- strings
        source_zone,
        pipeline,
        stage,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        amount,

        ---------- timestamps
        created_at,
        closed_at,
        updated_at,

        ---------- categorised
        coalesce(is_closed, false) as is_closed,
        coalesce(is_won, false) as is_won,
        coalesce(is_deleted, false) as is_deleted
    from source

)

select * from renamed
