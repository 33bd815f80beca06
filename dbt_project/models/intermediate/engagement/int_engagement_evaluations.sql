with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

-- 1, 7 and 30 days ago give the changes; every thirty days back to 120 give the origins
-- at which the score is held against what customers did next.
looks_back as (

    select 0 as days_ago
    union all
    select 1 as days_ago
    union all
    select 7 as days_ago
    union all
    select 30 as days_ago
    union all
    select 60 as days_ago
    union all
    select 90 as days_ago
    union all
    select 120 as days_ago

),

final as (

    select
        ---------- numerics
        looks_back.days_ago,

        ---------- booleans
        looks_back.days_ago >= 30 as is_origin,

        ---------- dates
        {{ add_days('run_parameters.as_of', '-looks_back.days_ago') }} as evaluated_on,
        run_parameters.as_of
    from run_parameters
    cross join looks_back

)

select * from final
