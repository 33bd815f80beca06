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

customers_with_address as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        case mention when 'web' then 'login_email' else mention || '_email' end
            as evidence,
        first_seen_at as observed_at
    from mentions
    where customer_id is not null and email_key is not null

),

customers_with_card as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ loyalty_identifier('loyalty_id') }} as right_identifier,
        'loyalty_card' as evidence,
        first_seen_at as observed_at
    from mentions
    where customer_id is not null and loyalty_id is not null

),

cards_with_address as (

    select
        source,
        {{ loyalty_identifier('loyalty_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        'loyalty_email' as evidence,
        first_seen_at as observed_at
    from mentions
    where loyalty_id is not null and email_key is not null

),

respondents as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ survey_person_identifier('survey_person_id') }} as right_identifier,
        'survey_customer' as evidence,
        first_seen_at as observed_at
    from mentions
    where customer_id is not null and survey_person_id is not null

),

respondents_with_address as (

    select
        source,
        {{ survey_person_identifier('survey_person_id') }} as left_identifier,
        {{ email_identifier('email_key') }} as right_identifier,
        'survey_email' as evidence,
        first_seen_at as observed_at
    from mentions
    where survey_person_id is not null and email_key is not null

),

merged_contacts as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ customer_identifier('other_customer_id') }} as right_identifier,
        'merge' as evidence,
        first_seen_at as observed_at
    from mentions
    where customer_id is not null and other_customer_id is not null

),

logins as (

    select
        source,
        {{ customer_identifier('customer_id') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'login' as evidence,
        first_seen_at as observed_at
    from mentions
    where customer_id is not null and anonymous_id is not null

),

logins_by_address as (

    select
        source,
        {{ email_identifier('email_key') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'login_email' as evidence,
        first_seen_at as observed_at
    from mentions
    where email_key is not null and anonymous_id is not null

),

clicks as (

    select
        source,
        {{ email_identifier('email_key') }} as left_identifier,
        {{ anonymous_identifier('anonymous_id') }} as right_identifier,
        'email_click' as evidence,
        first_followed_at as observed_at
    from links_followed

),

-- A link in a forwarded e-mail is followed by somebody else: a click is evidence only
-- on a device that followed links of one person and never logged in as a customer
-- with other addresses.
clicked_devices as (

    select
        right_identifier as anonymous_identifier,
        count(distinct left_identifier) as address_count
    from clicks
    group by right_identifier

),

addresses_of_devices as (

    select
        right_identifier as anonymous_identifier,
        left_identifier as address_identifier
    from logins_by_address

    union

    select
        logins.right_identifier as anonymous_identifier,
        customers_with_address.right_identifier as address_identifier
    from logins
    inner join customers_with_address
        on logins.left_identifier = customers_with_address.left_identifier

),

devices_with_address as (

    select distinct anonymous_identifier from addresses_of_devices

),

trusted_clicks as (

    select
        clicks.source,
        clicks.left_identifier,
        clicks.right_identifier,
        clicks.evidence,
        clicks.observed_at
    from clicks
    inner join clicked_devices
        on
            clicks.right_identifier = clicked_devices.anonymous_identifier
            and clicked_devices.address_count = 1
    left join devices_with_address
        on clicks.right_identifier = devices_with_address.anonymous_identifier
    left join addresses_of_devices
        on
            clicks.right_identifier = addresses_of_devices.anonymous_identifier
            and clicks.left_identifier = addresses_of_devices.address_identifier
    where
        devices_with_address.anonymous_identifier is null
        or addresses_of_devices.address_identifier is not null

),

edges as (

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from customers_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from customers_with_card

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from cards_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from respondents

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from respondents_with_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from merged_contacts

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from logins

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from logins_by_address

    union all

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        observed_at
    from trusted_clicks

),

guarded as (

    select identifier from identifiers
    where is_guarded

),

-- A guarded identifier (role mailbox, shared address, card or device) joins nobody.
unguarded_edges as (

    select
        edges.left_identifier,
        edges.right_identifier,
        edges.source,
        edges.evidence,
        edges.observed_at
    from edges
    left join guarded as guarded_left
        on edges.left_identifier = guarded_left.identifier
    left join guarded as guarded_right
        on edges.right_identifier = guarded_right.identifier
    where
        guarded_left.identifier is null
        and guarded_right.identifier is null
        and edges.left_identifier != edges.right_identifier

),

final as (

    select
        left_identifier,
        right_identifier,
        source,
        evidence,
        -- records that exist to say who somebody is come before those that mention it
        case
            when
                evidence in (
                    'merge', 'contact_email', 'order_email', 'loyalty_card', 'login'
                )
                then 1.00
            when evidence = 'email_click' then 0.90
            else 0.95
        end as strength,
        min(observed_at) as observed_at
    from unguarded_edges
    group by left_identifier, right_identifier, source, evidence

)

select * from final
