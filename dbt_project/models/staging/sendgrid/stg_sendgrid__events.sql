with

source as (

    select * from {{ source('sendgrid', 'events') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        event_id,
        email_key,
        smtp_id,
        campaign_id,
        ip_key,
        unsubscribe_group as unsubscribe_group_id,

        ---------- strings
        source_zone,
        event as vendor_event,
        category,
        campaign_name,
        url,
        user_agent,

        ---------- numerics
        delivery_row,
        occurrence,
        reason_length,

        ---------- booleans
        email_is_role,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        -- what follows the first dot differs between the events of one e-mail
        split_part(message_id, '.', 1) as message_id,
        case event
            when 'spamreport' then 'spam_report'
            when 'group_unsubscribe' then 'unsubscribe'
            when 'group_resubscribe' then 'resubscribe'
            else event
        end as event,
        coalesce(is_machine_open, false) as is_machine
    from source

)

select * from renamed
