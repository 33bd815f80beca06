with

campaign_days as (

    select * from {{ ref('int_email_campaign_days') }}

),

campaign_sources as (

    select
        source,
        campaign_id,
        max(is_sender) as is_sender
    from campaign_days
    group by
        source,
        campaign_id

),

only_senders as (

    select
        campaign_id,
        min(source) as sender_name
    from campaign_sources
    where is_sender = 1
    group by campaign_id
    having count(*) = 1

),

-- A list of the people spared often comes from another system than the e-mails. It
-- belongs to the system that sent the campaign, where only one did.
final as (

    select
        ---------- ids
        campaign_sources.source,
        campaign_sources.campaign_id,

        ---------- calculated
        case
            when campaign_sources.is_sender = 1 then campaign_sources.source
            else coalesce(only_senders.sender_name, campaign_sources.source)
        end as mail_source
    from campaign_sources
    left join only_senders
        on campaign_sources.campaign_id = only_senders.campaign_id

)

select * from final
