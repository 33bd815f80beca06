with

generic_reviews as (

    select * from {{ ref('stg_generic__reviews') }}

),

final as (

    select
        ---------- ids
        source,
        review_id,
        delivery_id,
        product_id,
        order_id,

        ---------- strings
        channel,

        ---------- numerics
        rating,
        body_length,

        ---------- booleans
        is_published,

        ---------- timestamps
        created_at,

        ---------- calculated
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier,
        case
            when rating <= 2 then 'bad'
            when rating >= 4 then 'good'
            when rating is not null then 'neutral'
        end as outcome
    from generic_reviews

)

select * from final
