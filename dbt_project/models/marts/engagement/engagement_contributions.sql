with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

scores as (

    select * from {{ ref('int_engagement_scores') }}

),

points as (

    select * from {{ ref('int_engagement_points') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

states as (

    select * from {{ ref('int_engagement_states') }}

),

baseline as (

    select cast(-sum(lowest_points) as decimal(9, 6)) as contribution
    from weights

),

-- A customer without evidence today has no score and so no receipt.
scored_customers as (

    select
        customer_id,
        max(case when days_ago = 7 then score end) is not null as had_score_7d_ago
    from scores
    group by customer_id
    having max(case when days_ago = 0 then score end) is not null

),

-- A signal that fell out of the evidence window within the week still explains a
-- change.
signal_points as (

    select
        customer_id,
        signal,
        dimension,
        sum(case when days_ago = 0 then contribution else 0 end) as contribution,
        sum(case when days_ago = 7 then contribution else 0 end)
            as contribution_7d_ago
    from points
    where days_ago in (0, 7)
    group by
        customer_id,
        signal,
        dimension

),

current_states as (

    select
        customer_id,
        signal,
        evidence,
        last_active_date
    from states
    where days_ago = 0

),

receipt as (

    select
        scored_customers.customer_id,
        scored_customers.had_score_7d_ago,
        signal_points.signal,
        signal_points.dimension,
        signal_points.contribution,
        signal_points.contribution_7d_ago
    from scored_customers
    inner join signal_points
        on scored_customers.customer_id = signal_points.customer_id
    union all
    select
        scored_customers.customer_id,
        scored_customers.had_score_7d_ago,
        'baseline' as signal,
        'baseline' as dimension,
        baseline.contribution,
        baseline.contribution as contribution_7d_ago
    from scored_customers
    cross join baseline

),

final as (

    select
        ---------- ids
        receipt.customer_id,
        receipt.signal,

        ---------- strings
        receipt.dimension,

        ---------- numerics
        cast(receipt.contribution as decimal(9, 6)) as contribution,
        cast(
            case
                when receipt.had_score_7d_ago
                    then receipt.contribution - receipt.contribution_7d_ago
            end as decimal(9, 6)
        ) as contribution_change_7d,
        cast(current_states.evidence as decimal(18, 6)) as decayed_events,

        ---------- dates
        current_states.last_active_date,
        customers.as_of
    from receipt
    inner join customers
        on receipt.customer_id = customers.customer_id
    left join current_states
        on
            receipt.customer_id = current_states.customer_id
            and receipt.signal = current_states.signal

)

select * from final
