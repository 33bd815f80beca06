-- A row means: a campaign has more human opens than opens, more human clicks than
-- clicks, or a rate's base that is not delivered less machine-only, so its rates are
-- wrong. Analytics engineering acts, in email_campaigns.
select
    email_campaign_id,
    delivered_count,
    raw_open_count,
    human_open_count,
    machine_only_open_count,
    human_open_base_count,
    raw_click_count,
    human_click_count
from {{ ref('email_campaigns') }}
where
    human_open_count > raw_open_count
    or human_click_count > raw_click_count
    or machine_only_open_count > delivered_count
    or machine_only_open_count > raw_open_count - human_open_count
    or human_open_base_count != delivered_count - machine_only_open_count
