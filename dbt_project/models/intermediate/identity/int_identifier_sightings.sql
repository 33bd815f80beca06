with

mentions as (

    select * from {{ ref('int_identity_mentions') }}

),

typed as (

    select
        source,
        id_space,
        'customer' as identifier_type,
        customer_id as identifier_value,
        {{ customer_identifier('customer_id') }} as identifier,
        false as is_role,
        is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where customer_id is not null

    union all

    select
        source,
        id_space,
        'customer' as identifier_type,
        other_customer_id as identifier_value,
        {{ customer_identifier('other_customer_id') }} as identifier,
        false as is_role,
        false as is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where other_customer_id is not null

    union all

    -- a role mailbox that orders beside a customer's own id is not the one who orders
    select
        source,
        'any' as id_space,
        'email' as identifier_type,
        email_key as identifier_value,
        {{ email_identifier('email_key') }} as identifier,
        email_is_role as is_role,
        is_order and customer_id is null as is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where email_key is not null

    union all

    select
        source,
        id_space,
        'loyalty' as identifier_type,
        loyalty_id as identifier_value,
        {{ loyalty_identifier('loyalty_id') }} as identifier,
        false as is_role,
        is_order and customer_id is null and email_key is null as is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where loyalty_id is not null

    union all

    select
        source,
        id_space,
        'survey_person' as identifier_type,
        survey_person_id as identifier_value,
        {{ survey_person_identifier('survey_person_id') }} as identifier,
        false as is_role,
        false as is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where survey_person_id is not null

    union all

    select
        source,
        id_space,
        'anonymous' as identifier_type,
        anonymous_id as identifier_value,
        {{ anonymous_identifier('anonymous_id') }} as identifier,
        false as is_role,
        is_order and customer_id is null and email_key is null as is_order,
        first_seen_at,
        last_seen_at
    from mentions
    where anonymous_id is not null

),

final as (

    select
        source,
        identifier,
        id_space,
        identifier_type,
        identifier_value,
        bool_or(is_role) as is_role,
        bool_or(is_order) as has_order,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from typed
    group by source, identifier, id_space, identifier_type, identifier_value

)

select * from final
