-- A failure means that a customer id is not made from one of the customer's
-- identifiers, so that ids of earlier releases cannot be followed to the customers they
-- became. The analytics engineer on duty acts: customer_identities and the identity
-- estimation make ids in two ways; nothing is published meanwhile.

with

customer_identities as (

    select * from {{ ref('customer_identities') }}

)

select customer_id
from customer_identities
group by customer_id
having max(case when earlier_customer_id = customer_id then 1 else 0 end) = 0
