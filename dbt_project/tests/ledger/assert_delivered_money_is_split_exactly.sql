-- A failure means that the published ledger splits a delivery's money into accepted,
-- quarantined and duplicate parts that are not the delivered whole. The analytics
-- engineer on duty acts: compare stg_run__delivery_amounts and int_order_exclusions for
-- the delivery listed; nothing is published meanwhile.

with

delivery_amounts as (

    select * from {{ ref('stg_run__delivery_amounts') }}

),

pipeline_ledger_amounts as (

    select * from {{ ref('pipeline_ledger_amounts') }}

),

movements as (

    select
        delivery_id,
        currency,
        amount
    from delivery_amounts

    union all

    select
        delivery_id,
        currency,
        -amount as amount
    from pipeline_ledger_amounts

)

select
    delivery_id,
    currency,
    sum(amount) as difference
from movements
group by delivery_id, currency
having sum(amount) != 0
