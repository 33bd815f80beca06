with

generic_tickets as (

    select * from {{ ref('stg_generic__tickets') }}

),

final as (

    select
        ---------- ids
        source,
        ticket_id,
        delivery_id,
        coalesce(
            id_space || '|customer|' || customer_id, 'any|email|' || email_key
        ) as identifier,

        ---------- strings
        kind,
        channel,
        status,
        owner_team,
        satisfaction,

        ---------- numerics
        subject_length,

        ---------- booleans
        coalesce(kind = 'complaint', false) as is_complaint,

        ---------- timestamps
        created_at,
        first_response_at,
        resolved_at
    from generic_tickets

)

select * from final
