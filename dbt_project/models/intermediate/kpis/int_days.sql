with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- Ten years are more than any trailing window looks back.
final as (

    select
        ---------- dates
        as_of,
        {{ every_day(add_days('as_of', '-3652'), 'as_of') }} as calendar_date
    from run_parameters

)

select * from final
