with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

int_loyalty_memberships as (

    select * from {{ ref('int_loyalty_memberships') }}

),

int_loyalty_events as (

    select * from {{ ref('int_loyalty_events') }}

),

-- What happens after the day as_of is not known yet: the period is still open.
periods as (

    select
        int_loyalty_memberships.membership_id,
        int_loyalty_memberships.source,
        int_loyalty_memberships.identifier,
        int_loyalty_memberships.tier,
        int_loyalty_memberships.start_evidence,
        run_parameters.as_of,
        int_loyalty_memberships.valid_from,
        case
            when
                {{ local_date(
                    'int_loyalty_memberships.valid_to', 'run_parameters.time_zone'
                ) }} <= run_parameters.as_of
                then int_loyalty_memberships.valid_to
        end as valid_to
    from int_loyalty_memberships
    cross join run_parameters
    where
        {{ local_date(
            'int_loyalty_memberships.valid_from', 'run_parameters.time_zone'
        ) }} <= run_parameters.as_of

),

movements as (

    select
        int_loyalty_events.source,
        int_loyalty_events.identifier,
        int_loyalty_events.kind,
        int_loyalty_events.currency,
        int_loyalty_events.points,
        int_loyalty_events.value_amount,
        int_loyalty_events.occurred_at
    from int_loyalty_events
    cross join run_parameters
    where
        int_loyalty_events.points is not null
        and {{ local_date(
            'int_loyalty_events.occurred_at', 'run_parameters.time_zone'
        ) }} <= run_parameters.as_of

),

-- Points carry over from one period of a member to the next, so the balance of a period
-- is the sum of everything up to its end.
balances as (

    select
        periods.membership_id,
        sum(movements.points) as points_balance
    from periods
    inner join movements
        on
            periods.source = movements.source
            and periods.identifier = movements.identifier
            and coalesce(
                periods.valid_to > movements.occurred_at, true
            )
    group by periods.membership_id

),

-- What a point is worth is what members got for it: the money value of redemptions, or
-- of every valued movement where nobody has redeemed yet.
valued_movements as (

    select
        source,
        currency,
        sum(
            case when kind = 'redeem' then abs(value_amount) else 0 end
        ) as redeemed_value,
        sum(case when kind = 'redeem' then abs(points) else 0 end) as redeemed_points,
        sum(abs(value_amount)) as moved_value,
        sum(abs(points)) as moved_points
    from movements
    where
        value_amount is not null
        and points != 0
    group by
        source,
        currency

),

ranked_values as (

    select
        *,
        row_number() over (
            partition by source
            order by moved_points desc, currency asc
        ) as currency_rank
    from valued_movements

),

point_values as (

    select
        source,
        currency,
        case
            when redeemed_points > 0
                then cast(redeemed_value as double) / cast(redeemed_points as double)
            else cast(moved_value as double) / cast(moved_points as double)
        end as value_per_point
    from ranked_values
    where currency_rank = 1

),

final as (

    select
        ---------- ids
        periods.membership_id,
        periods.source,
        identity_assignments.customer_id,
        periods.identifier,

        ---------- strings
        periods.tier,
        periods.start_evidence,

        ---------- dates
        periods.as_of,

        ---------- timestamps
        periods.valid_from,
        periods.valid_to,

        ---------- calculated
        cast(
            coalesce(balances.points_balance, 0) as decimal(18, 4)
        ) as points_balance,
        cast(
            cast(coalesce(balances.points_balance, 0) as double)
            * point_values.value_per_point as decimal(18, 4)
        ) as points_balance_value,

        ---------- calculated
        coalesce(
            point_values.currency, run_parameters.reporting_currency
        ) as currency,
        periods.valid_to is null as is_current
    from periods
    cross join run_parameters
    left join balances
        on periods.membership_id = balances.membership_id
    left join point_values
        on periods.source = point_values.source
    left join identity_assignments
        on
            periods.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'periods.valid_from') }}

)

select * from final
