with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

channel_names as (

    select * from {{ ref('channel_names') }}

),

generic_campaigns as (

    select * from {{ ref('stg_generic__campaigns') }}

),

final as (

    select
        ---------- ids
        generic_campaigns.source,
        generic_campaigns.campaign_id,
        generic_campaigns.delivery_id,

        ---------- strings
        generic_campaigns.campaign_name,

        ---------- numerics
        generic_campaigns.cost,
        generic_campaigns.audience_size,

        ---------- timestamps
        generic_campaigns.started_at,
        generic_campaigns.ended_at,
        generic_campaigns.deadline_at,

        ---------- calculated
        coalesce(channel_names.channel, generic_campaigns.channel) as channel,
        lower(generic_campaigns.objective) as objective,
        coalesce(
            generic_campaigns.currency, run_parameters.reporting_currency
        ) as currency,
        coalesce(generic_campaigns.is_personalised, false) as is_personalised
    from generic_campaigns
    cross join run_parameters
    left join channel_names
        on generic_campaigns.channel = channel_names.channel_name

)

select * from final
