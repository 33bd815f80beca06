-- A row means: an interaction is taken for a machine's without a reason, or for a
-- person's with one, so open and click rates cannot be explained. Analytics engineering
-- acts, in int_email_events or int_web_events.
select
    interaction_id,
    is_human,
    machine_reason
from {{ ref('interactions') }}
where is_human = (machine_reason is not null)
