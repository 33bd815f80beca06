with

mentions as (

    select * from {{ ref('int_identity_mentions') }}

),

links_followed as (

    select * from {{ ref('int_email_links_followed') }}

),

identifiers as (

    select * from {{ ref('int_identifiers') }}

),

contact_addresses as (

    select * from {{ ref('stg_run__contact_addresses') }}

),

decisions as (

    select * from {{ ref('stg_run__identity_decisions') }}

),

parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- A contact carries an address for a time; what else names both names them at a moment.
contacts_with_address as (

    select
        contact_addresses.source,
        {{ customer_identifier('contact_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        'contact_email' as evidence,
        contact_addresses.valid_from as observed_at,
        case
            when
                {{ local_date('contact_addresses.valid_to', 'parameters.time_zone') }}
                <= parameters.as_of
                then contact_addresses.valid_to
        end as last_observed_at,
        contact_addresses.is_ended
        and {{ local_date('contact_addresses.valid_to', 'parameters.time_zone') }}
        <= parameters.as_of as is_ended
    from contact_addresses
    cross join parameters
    where
        contact_addresses.valid_from is null
        or {{ local_date('contact_addresses.valid_from', 'parameters.time_zone') }}
        <= parameters.as_of

),

customers_with_address as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        case mention when 'web' then 'login_email' else mention || '_email' end
            as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where customer_id is not null and email_key is not null and mention != 'contact'

),

customers_with_card as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ loyalty_identifier('loyalty_id') }} as right_identifier,
        case mention when 'contact' then 'contact_card' else 'loyalty_card' end
            as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where customer_id is not null and loyalty_id is not null

),

cards_with_address as (

    select
        source,
        {{ loyalty_identifier('loyalty_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        'loyalty_email' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where loyalty_id is not null and email_key is not null

),

respondents as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ survey_person_identifier('survey_person_id') }} as right_identifier,
        'survey_customer' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where customer_id is not null and survey_person_id is not null

),

respondents_with_address as (

    select
        source,
        {{ survey_person_identifier('survey_person_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        'survey_email' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where survey_person_id is not null and email_key is not null

),

merged_contacts as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ customer_identifier('other_customer_id') }} as right_identifier,
        'merge' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where customer_id is not null and other_customer_id is not null

),

logins as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'login' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where customer_id is not null and anonymous_id is not null

),

logins_by_address as (

    select
        source,
        {{ email_identifier('email_key') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'login_email' as evidence,
        first_seen_at as observed_at,
        last_seen_at as last_observed_at,
        false as is_ended
    from mentions
    where
        customer_id is null
        and email_key is not null
        and anonymous_id is not null

),

clicks as (

    select
        source,
        {{ email_identifier('email_key') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'email_click' as evidence,
        first_followed_at as observed_at,
        first_followed_at as last_observed_at,
        false as is_ended
    from links_followed

),

-- A decision about an identifier that nobody delivered joins nothing, which
-- identity_exclusions tells.
decided as (

    select
        'rapport.yml' as source,
        decisions.left_identifier,
        decisions.right_identifier,
        cast(null as timestamp) as observed_at,
        cast(null as timestamp) as last_observed_at,
        false as is_ended,
        'decision_' || decisions.decision as evidence
    from decisions
    inner join identifiers as left_identifiers
        on decisions.left_identifier = left_identifiers.identifier
    inner join identifiers as right_identifiers
        on decisions.right_identifier = right_identifiers.identifier

),

sighted as (

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from customers_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from customers_with_card

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from cards_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from respondents

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from respondents_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from merged_contacts

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from logins

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from logins_by_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from clicks

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from decided

),

combined as (

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        min(observed_at) as observed_at,
        max(last_observed_at) as last_observed_at,
        bool_or(is_ended) as is_ended
    from sighted
    where left_identifier != right_identifier
    group by left_identifier, right_identifier, source, evidence

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended
    from contacts_with_address

),

weighed as (

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at,
        last_observed_at,
        is_ended,
        -- records that exist to say who somebody is come before those that mention it
        case
            when
                evidence in (
                    'decision_merge',
                    'decision_do_not_merge',
                    'merge',
                    'contact_email',
                    'contact_card',
                    'order_email',
                    'loyalty_card',
                    'login'
                )
                then 1.00
            when evidence = 'email_click' then 0.90
            else 0.95
        end as strength
    from combined

),

-- Numbers that the resolution of identities compares instead of texts, made once.
final as (

    select
        *,
        {{ row_hash(['left_identifier']) }} as left_key,
        {{ row_hash(['right_identifier']) }} as right_key,
        {{ row_hash([
            'left_identifier',
            'right_identifier',
            'source',
            'evidence',
            'strength',
            'observed_at',
            'last_observed_at',
            'is_ended',
        ]) }} as row_hash
    from weighed

)

select * from final
