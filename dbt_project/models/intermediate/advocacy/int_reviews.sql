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
        coalesce(
            id_space || '|customer|' || customer_id, 'any|email|' || email_key
        ) as identifier,
        product_id,
        order_id,

        ---------- strings
        channel,
        case
            when rating <= 2 then 'bad'
            when rating >= 4 then 'good'
            when rating is not null then 'neutral'
        end as outcome,

        ---------- numerics
        rating,
        body_length,

        ---------- booleans
        is_published,

        ---------- timestamps
        created_at
    from generic_reviews

)

select * from final
