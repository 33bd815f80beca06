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

-- A deadline without a time was read as the first moment of its day, in the zone of the
-- file. Where the file writes offsets, the name of its zone is not known.
zoned as (

    select
        generic_campaigns.source,
        generic_campaigns.campaign_id,
        generic_campaigns.delivery_id,
        generic_campaigns.campaign_name,
        generic_campaigns.channel,
        generic_campaigns.objective,
        generic_campaigns.currency,
        generic_campaigns.cost,
        generic_campaigns.audience_size,
        generic_campaigns.is_personalised,
        generic_campaigns.started_at,
        generic_campaigns.ended_at,
        generic_campaigns.deadline_at,
        run_parameters.reporting_currency,
        case
            when
                generic_campaigns.source_zone = 'UTC'
                or generic_campaigns.source_zone like '%/%'
                then generic_campaigns.source_zone
            else run_parameters.time_zone
        end as time_zone
    from generic_campaigns
    cross join run_parameters

),

dated as (

    select
        *,
        {{ local_date('deadline_at', 'time_zone') }} as deadline_date,
        {{ local_date('deadline_at - interval 1 microsecond', 'time_zone') }}
        < {{ local_date('deadline_at', 'time_zone') }} as is_whole_day
    from zoned

),

-- A day that is a deadline is one to its end.
final as (

    select
        ---------- ids
        dated.source,
        dated.campaign_id,
        dated.delivery_id,

        ---------- strings
        dated.campaign_name,

        ---------- numerics
        dated.cost,
        dated.audience_size,

        ---------- timestamps
        dated.started_at,
        dated.ended_at,

        ---------- calculated
        coalesce(channel_names.channel, dated.channel) as channel,
        lower(dated.objective) as objective,
        coalesce(dated.currency, dated.reporting_currency) as currency,
        coalesce(dated.is_personalised, false) as is_personalised,
        case
            when dated.is_whole_day then dated.deadline_at
            else dated.deadline_at - interval 1 day
        end as last_day_starts_at,
        case
            when dated.is_whole_day
                then
                    {{ utc_timestamp(
                        'cast(' ~ add_days('dated.deadline_date', 1) ~ ' as timestamp)',
                        'dated.time_zone'
                    ) }} - interval 1 microsecond
            else dated.deadline_at
        end as deadline_at
    from dated
    left join channel_names
        on dated.channel = channel_names.channel_name

)

select * from final
