with

source as (

    select * from {{ source('generic', 'survey_responses') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        response_id,
        customer_id,
        person_id,
        email_key,
        interaction_id,

        ---------- strings
        source_zone,
        survey_type,

        ---------- numerics
        delivery_row,
        occurrence,
        score,
        comment_length,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        sent_at,
        answered_at,
        updated_at,

        ---------- categorised
        lower(method) as method,
        coalesce(is_excluded, false) as is_excluded
    from source

)

select * from renamed
