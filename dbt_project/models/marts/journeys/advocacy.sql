with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

acts as (

    select * from {{ ref('int_advocacy_acts') }}

),

answers_ranked as (

    select
        customer_id,
        score,
        is_within_year,
        row_number() over (
            partition by customer_id
            order by acted_at desc, act_id desc
        ) as answer_rank
    from acts
    where act = 'nps answer'

),

latest_answers as (

    select
        customer_id,
        score,
        is_within_year
    from answers_ranked
    where answer_rank = 1

),

customer_acts as (

    select
        customer_id,
        sum(case when act = 'referral' then 1 else 0 end) as referrals_sent,
        sum(case when act = 'referral' then score else 0 end) as referrals_converted,
        sum(case when act = 'review' then 1 else 0 end) as review_count,
        cast(sum(case when act = 'review' then score end) as double)
        / sum(case when act = 'review' and score is not null then 1 end)
            as mean_rating,
        sum(case when act = 'share' then 1 else 0 end) as share_count,
        sum(case when act = 'content' then 1 else 0 end) as content_count,
        max(case when act = 'referral' and is_within_year then 1 else 0 end)
            as referred_within_year,
        max(
            case
                when act = 'review' and score >= 4 and is_within_year then 1
                else 0
            end
        ) as praised_within_year,
        max(
            case
                when act in ('share', 'content') and is_within_year then 1
                else 0
            end
        ) as shared_within_year
    from acts
    group by customer_id

),

combined as (

    select
        customers.customer_id,
        customers.as_of,
        latest_answers.score as latest_nps_score,
        customer_acts.mean_rating,
        cast(coalesce(customer_acts.referrals_sent, 0) as bigint) as referrals_sent,
        cast(coalesce(customer_acts.referrals_converted, 0) as bigint)
            as referrals_converted,
        cast(coalesce(customer_acts.review_count, 0) as bigint) as review_count,
        cast(coalesce(customer_acts.share_count, 0) as bigint) as share_count,
        cast(coalesce(customer_acts.content_count, 0) as bigint) as content_count,
        cast(
            coalesce(customer_acts.referred_within_year, 0)
            + coalesce(customer_acts.praised_within_year, 0)
            + coalesce(customer_acts.shared_within_year, 0)
            + case
                when latest_answers.score >= 9 and latest_answers.is_within_year
                    then 1
                else 0
            end as integer
        ) as advocacy_kinds_365d
    from customers
    left join customer_acts
        on customers.customer_id = customer_acts.customer_id
    left join latest_answers
        on customers.customer_id = latest_answers.customer_id

),

final as (

    select
        ---------- ids
        customer_id,

        ---------- numerics
        referrals_sent,
        referrals_converted,
        review_count,
        mean_rating,
        share_count,
        content_count,
        latest_nps_score,
        advocacy_kinds_365d,

        ---------- dates
        as_of,

        ---------- calculated
        case
            when referrals_converted > 0 then 'a recommendation became a customer'
            when advocacy_kinds_365d >= 2
                then 'recommended in at least two ways within a year'
        end as advocate_reason,
        referrals_converted > 0 or advocacy_kinds_365d >= 2 as is_advocate
    from combined

)

select * from final
