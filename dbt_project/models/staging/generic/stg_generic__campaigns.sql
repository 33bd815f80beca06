with

source as (

    select * from {{ source('generic', 'campaigns') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        campaign_id,

        ---------- strings
        source_zone,
        campaign_name,
        objective,
        currency,

        ---------- numerics
        delivery_row,
        occurrence,
        cost,
        audience_size,

        ---------- booleans
        is_personalised,

        ---------- timestamps
        started_at,
        ended_at,
        deadline_at,
        updated_at,

        ---------- categorised
        lower(channel) as channel
    from source

)

select * from renamed
