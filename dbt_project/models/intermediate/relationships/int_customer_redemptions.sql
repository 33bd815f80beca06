with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

-- The first reward of a customer may be years old: other than habits, redemptions are
-- looked at however long ago they were. Those of nobody known leave.
final as (

    select
        identity_assignments.customer_id,
        min(interactions.occurred_at) as first_redeemed_at
    from interactions
    cross join run_parameters
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    where
        interactions.kind in ('loyalty_redeem', 'offer_completed', 'coupon_redeemed')
        and interactions.is_human
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of
    group by identity_assignments.customer_id

)

select * from final
