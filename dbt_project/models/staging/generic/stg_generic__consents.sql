with

source as (

    select * from {{ source('generic', 'consents') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        customer_id,
        email_key,

        ---------- strings
        source_zone,
        state,
        method,

        ---------- numerics
        delivery_row,
        occurrence,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        lower(channel) as channel,
        coalesce(lower(purpose), 'marketing') as purpose
    from source

)

select * from renamed
