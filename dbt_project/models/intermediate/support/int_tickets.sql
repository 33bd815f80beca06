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

        ---------- strings
        kind,
        channel,
        status,
        owner_team,
        satisfaction,

        ---------- numerics
        subject_length,

        ---------- timestamps
        created_at,
        first_response_at,
        resolved_at,

        ---------- calculated
        coalesce(
            {{ customer_identifier('customer_id') }},
            {{ email_identifier('email_key') }}
        ) as identifier,
        coalesce(kind = 'complaint', false) as is_complaint
    from generic_tickets

)

select * from final
