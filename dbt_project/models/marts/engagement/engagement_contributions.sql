with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

changes as (

    select * from {{ ref('int_engagement_changes') }}

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

current_states as (

    select
        customer_id,
        signal,
        evidence,
        last_active_date
    from states
    where days_ago = 0

),

-- The baseline is the same every day: it changes by nothing wherever there was a score.
baseline_rows as (

    select
        changes.customer_id,
        max(baseline.contribution) as contribution,
        max(case when changes.change_1d is not null then 0 end) as change_1d,
        max(case when changes.change_7d is not null then 0 end) as change_7d,
        max(case when changes.change_30d is not null then 0 end) as change_30d
    from changes
    cross join baseline
    group by changes.customer_id

),

receipt as (

    select
        customer_id,
        signal,
        dimension,
        contribution,
        change_1d,
        change_7d,
        change_30d
    from changes
    union all
    select
        customer_id,
        'baseline' as signal,
        'baseline' as dimension,
        contribution,
        change_1d,
        change_7d,
        change_30d
    from baseline_rows

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
        cast(receipt.change_1d as decimal(9, 6)) as contribution_change_1d,
        cast(receipt.change_7d as decimal(9, 6)) as contribution_change_7d,
        cast(receipt.change_30d as decimal(9, 6)) as contribution_change_30d,
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
