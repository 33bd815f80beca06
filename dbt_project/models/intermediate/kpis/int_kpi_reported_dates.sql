with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- A quarter: enough to see a trend and a weekly rhythm; older values stand in the
-- releases.
final as (

    select
        ---------- dates
        as_of,
        {{ every_day(add_days('as_of', '-89'), 'as_of') }} as reported_date
    from run_parameters

)

select * from final
