with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

web_events as (

    select * from {{ ref('int_web_events') }}

),

-- A page is its address without what follows ? or #: that part says who came, not what
-- was read. Pages of machines and pages without an address leave.
final as (

    select
        ---------- ids
        web_events.source,
        identity_assignments.customer_id,

        ---------- numerics
        web_events.engagement_seconds,

        ---------- timestamps
        web_events.occurred_at,

        ---------- calculated
        split_part(split_part(web_events.page_url, '?', 1), '#', 1) as page_address,
        coalesce(
            identity_assignments.customer_id,
            web_events.identifier,
            web_events.event_id
        ) as viewer
    from web_events
    cross join run_parameters
    left join identity_assignments
        on
            web_events.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'web_events.occurred_at') }}
    where
        web_events.is_page_view
        and web_events.is_human
        and web_events.page_url is not null
        and {{ local_date('web_events.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
        and {{ local_date('web_events.occurred_at', 'run_parameters.time_zone') }}
        > {{ add_days('run_parameters.as_of', '-90') }}

)

select * from final
