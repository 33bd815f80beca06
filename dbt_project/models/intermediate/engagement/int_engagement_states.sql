with

evaluations as (

    select * from {{ ref('int_engagement_evaluations') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

signal_days as (

    select * from {{ ref('int_engagement_signal_days') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

settings as (

    select * from {{ ref('int_engagement_settings') }}

),

-- An identifier that belongs to no customer cannot earn a customer points: it leaves
-- here.
customer_days as (

    select
        identity_assignments.customer_id,
        signal_days.signal,
        signal_days.active_date,
        sum(signal_days.event_count) as event_count,
        sum(signal_days.opinion_total) as opinion_total
    from signal_days
    inner join identity_assignments
        on
            signal_days.identifier = identity_assignments.identifier
            and {{ belongs_at(
                'identity_assignments', 'cast(signal_days.active_date as timestamp)'
            ) }}
    group by
        identity_assignments.customer_id,
        signal_days.signal,
        signal_days.active_date

),

-- The daily cap comes before the decay: a busy day is cut, then ages like any other.
capped as (

    select
        customer_days.customer_id,
        customer_days.signal,
        customer_days.active_date,
        weights.half_life_days,
        weights.curve,
        cast(
            least(customer_days.event_count, weights.daily_cap) as double
        ) as counted_events,
        case
            when weights.curve = 'opinion'
                then
                    cast(customer_days.opinion_total as double)
                    / cast(customer_days.event_count as double)
                    - cast(weights.neutral_value as double)
            else 0
        end as opinion_above_neutral
    from customer_days
    inner join weights
        on customer_days.signal = weights.signal

),

aged as (

    select
        capped.*,
        evaluations.days_ago,
        evaluations.evaluated_on,
        power(
            cast(2 as double),
            -cast(
                {{ days_between('capped.active_date', 'evaluations.evaluated_on') }}
                as double
            )
            / cast(capped.half_life_days as double)
        ) as decay
    from capped
    cross join evaluations
    cross join settings
    where
        capped.active_date <= evaluations.evaluated_on
        and {{ days_between('capped.active_date', 'evaluations.evaluated_on') }}
        < settings.evidence_window_days

),

-- Every day is rounded before it is summed: decimals add up the same in any order.
rounded as (

    select
        customer_id,
        signal,
        curve,
        active_date,
        days_ago,
        evaluated_on,
        cast(round(counted_events * decay, 10) as decimal(18, 10)) as evidence,
        cast(
            round(counted_events * decay * opinion_above_neutral, 10)
            as decimal(18, 10)
        ) as opinion,
        cast(round(decay, 10) as decimal(18, 10)) as observation
    from aged

),

final as (

    select
        ---------- ids
        customer_id,
        signal,

        ---------- strings
        curve,

        ---------- numerics
        days_ago,
        cast(sum(evidence) as decimal(28, 10)) as evidence,
        cast(sum(opinion) as decimal(28, 10)) as opinion,
        cast(sum(observation) as decimal(28, 10)) as observations,

        ---------- dates
        evaluated_on,
        max(active_date) as last_active_date
    from rounded
    group by
        customer_id,
        signal,
        curve,
        days_ago,
        evaluated_on

)

select * from final
