-- A failure means that the points shown to a customer or colleague do not explain the
-- score or one of its changes: the receipt promise is broken for the customers listed.
-- The analytics engineer on duty acts: compare int_engagement_points with
-- int_engagement_scores for one of them; nothing is published meanwhile.

with

scores as (

    select * from {{ ref('customer_engagement_scores') }}

),

contributions as (

    select * from {{ ref('engagement_contributions') }}

),

receipts as (

    select
        customer_id,
        sum(contribution) as total,
        sum(contribution_change_1d) as total_change_1d,
        sum(contribution_change_7d) as total_change_7d,
        sum(contribution_change_30d) as total_change_30d
    from contributions
    group by customer_id

),

final as (

    select
        scores.customer_id,
        scores.score,
        receipts.total,
        scores.change_1d,
        receipts.total_change_1d,
        scores.change_7d,
        receipts.total_change_7d,
        scores.change_30d,
        receipts.total_change_30d
    from scores
    left join receipts
        on scores.customer_id = receipts.customer_id
    where
        scores.score is distinct from receipts.total
        or scores.change_1d is distinct from receipts.total_change_1d
        or scores.change_7d is distinct from receipts.total_change_7d
        or scores.change_30d is distinct from receipts.total_change_30d

)

select * from final
