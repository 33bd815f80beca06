with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

ranks as (

    select * from {{ ref('int_customer_rfm_ranks') }}

),

sufficiency as (

    select
        customer_id,
        case
            when first_purchase_date is null and order_count = 0
                then 'no counted order'
            when first_purchase_date is null
                then 'no day with a positive net value: everything was refunded'
            when tenure_days = 0
                then 'first purchase on the day of the run: no time observed yet'
            when repeat_purchase_days = 0
                then 'one purchase day only: no repeat to learn from'
        end as insufficiency_reason
    from customers

),

final as (

    select
        ---------- ids
        customers.customer_id,

        ---------- strings
        ranks.segment,
        sufficiency.insufficiency_reason,

        ---------- numerics
        customers.order_count,
        customers.net_value,
        customers.repeat_purchase_days,
        customers.recency_days,
        customers.tenure_days,
        customers.mean_repeat_value,
        ranks.recency_quintile,
        ranks.frequency_quintile,
        ranks.monetary_quintile,
        ranks.mean_value_quintile,

        ---------- dates
        customers.first_purchase_date,
        customers.last_purchase_date,
        customers.as_of,

        ---------- calculated
        sufficiency.insufficiency_reason is null as is_sufficient
    from customers
    inner join sufficiency
        on customers.customer_id = sufficiency.customer_id
    left join ranks
        on customers.customer_id = ranks.customer_id

)

select * from final
