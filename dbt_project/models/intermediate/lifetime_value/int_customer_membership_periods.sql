with

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

memberships as (

    select * from {{ ref('int_loyalty_memberships') }}

),

customer_periods as (

    select
        identity_assignments.customer_id,
        memberships.valid_from,
        coalesce(memberships.valid_to, timestamp '9999-12-31 00:00:00') as valid_to
    from memberships
    inner join identity_assignments
        on
            memberships.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'memberships.valid_from') }}

),

reached as (

    select
        customer_id,
        valid_from,
        valid_to,
        max(valid_to) over (
            partition by customer_id
            order by valid_from, valid_to
            rows between unbounded preceding and 1 preceding
        ) as reached_until
    from customer_periods

),

-- Tiers, programmes and merged cards overlap: what touches is one membership.
numbered as (

    select
        customer_id,
        valid_from,
        valid_to,
        sum(
            case when valid_from <= reached_until then 0 else 1 end
        ) over (
            partition by customer_id
            order by valid_from, valid_to
            rows between unbounded preceding and current row
        ) as period_number
    from reached

),

merged as (

    select
        customer_id,
        period_number,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from numbered
    group by
        customer_id,
        period_number

),

final as (

    select
        ---------- ids
        customer_id,

        ---------- timestamps
        valid_from,
        nullif(valid_to, timestamp '9999-12-31 00:00:00') as valid_to
    from merged

)

select * from final
