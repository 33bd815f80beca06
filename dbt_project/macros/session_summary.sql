{#-
  The common table expressions that sum the events of each session; the last one is called as asked.
  Said once: sessions are summed whole, and those that run past the end of as_of up to there.
-#}
{% macro session_summary(events, name) -%}
-- The first event that knows its traffic source and the last login are found as the
-- least and greatest of texts that begin with the time: one pass, no sort, and equal
-- times are decided by the values. The separator sorts below every other character.
session_summary as (

    select
        session_id,
        cast(sum(case when is_page_view then 1 else 0 end) as bigint) as page_views,
        cast(sum(engagement_seconds) as decimal(18, 4)) as engagement_seconds,
        min(source) as source,
        min(anonymous_identifier) as anonymous_identifier,
        max(
            case
                when login_identifier is not null
                    then
                        cast(occurred_at as string)
                        || chr(31)
                        || login_identifier
            end
        ) as last_login,
        min(
            case
                when coalesce(traffic_source, traffic_medium, campaign) is not null
                    then
                        cast(occurred_at as string)
                        || chr(31)
                        || coalesce(traffic_source, '')
                        || chr(31)
                        || coalesce(traffic_medium, '')
                        || chr(31)
                        || coalesce(campaign, '')
            end
        ) as first_traffic,
        min(country) as country,
        min(device) as device,
        min(machine_reason) as machine_reason,
        count(*) as event_count,
        max(is_conversion) as is_converted,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from {{ events }}
    group by session_id

),

session_traffic as (

    select
        *,
        split_part(last_login, chr(31), 2) as login_identifier,
        nullif(split_part(first_traffic, chr(31), 2), '') as traffic_source,
        nullif(split_part(first_traffic, chr(31), 3), '') as traffic_medium,
        nullif(split_part(first_traffic, chr(31), 4), '') as campaign
    from session_summary

),

{{ name }} as (

    select
        ---------- ids
        session_traffic.session_id,
        session_traffic.source,
        coalesce(
            session_traffic.login_identifier, session_traffic.anonymous_identifier
        ) as identifier,

        ---------- strings
        case
            when traffic_mediums.session_channel is not null
                then traffic_mediums.session_channel
            when session_traffic.traffic_medium is not null then 'other'
            when coalesce(session_traffic.traffic_source, '(direct)') = '(direct)'
                then 'direct'
            else 'other'
        end as channel,
        session_traffic.traffic_source,
        session_traffic.traffic_medium,
        session_traffic.campaign,
        session_traffic.country,
        session_traffic.device,
        session_traffic.machine_reason,

        ---------- numerics
        session_traffic.page_views,
        session_traffic.event_count,
        session_traffic.engagement_seconds,
        {{ seconds_between('session_traffic.started_at', 'session_traffic.ended_at') }}
            as duration_seconds,

        ---------- booleans
        session_traffic.is_converted,
        session_traffic.machine_reason is null as is_human,

        ---------- timestamps
        session_traffic.started_at,
        session_traffic.ended_at
    from session_traffic
    left join {{ ref('traffic_mediums') }} as traffic_mediums
        on lower(session_traffic.traffic_medium) = traffic_mediums.traffic_medium

)
{%- endmacro %}
