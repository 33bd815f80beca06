with

source as (

    select * from {{ source('delighted', 'survey_responses') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        response_id,
        person_id,
        email_key,
        customer_id,

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
        answered_at,
        updated_at
    from source

)

select * from renamed
