-- A row means: one order's revenue is credited to two campaigns of one channel, so
-- attributed revenue exceeds what was sold. Analytics engineering acts, in
-- int_campaign_credits.
select
    order_source,
    order_id,
    channel,
    count(*) as credit_count
from {{ ref('int_campaign_credits') }}
group by
    order_source,
    order_id,
    channel
having count(*) > 1
