with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

carts as (

    select * from {{ ref('int_carts') }}

),

orders as (

    select * from {{ ref('int_orders_attributed') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

-- A cart is abandoned when a whole day passed without it becoming an order. A completed
-- cart without a time of completion is taken as completed at once.
abandoned as (

    select
        carts.source,
        carts.cart_id,
        carts.currency,
        carts.channel,
        carts.amount,
        carts.item_count,
        carts.is_completed,
        carts.order_id as completed_order_id,
        carts.created_at,
        carts.completed_at,
        identity_assignments.customer_id,
        run_parameters.as_of,
        {{ local_date('carts.created_at', 'run_parameters.time_zone') }}
            as created_date
    from carts
    cross join run_parameters
    left join identity_assignments
        on
            carts.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'carts.created_at') }}
    where
        {{ local_date('carts.created_at', 'run_parameters.time_zone') }}
        < run_parameters.as_of
        and (
            not carts.is_completed
            or carts.completed_at > carts.created_at + interval 1 day
        )

),

later_orders as (

    select
        abandoned.source,
        abandoned.cart_id,
        orders.order_id,
        row_number() over (
            partition by abandoned.source, abandoned.cart_id
            order by orders.ordered_at, orders.source, orders.order_id
        ) as order_rank
    from abandoned
    inner join orders
        on
            abandoned.customer_id = orders.customer_id
            and abandoned.created_at < orders.ordered_at
            and orders.ordered_at <= abandoned.created_at + interval 30 days
    where orders.is_counted

),

customer_visits as (

    select
        identity_assignments.customer_id,
        interactions.location_id,
        interactions.interaction_id,
        interactions.occurred_at
    from interactions
    inner join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    cross join run_parameters
    where
        interactions.channel = 'store'
        and interactions.is_human
        and {{ local_date('interactions.occurred_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

),

visits_after as (

    select
        abandoned.source,
        abandoned.cart_id,
        customer_visits.location_id,
        customer_visits.occurred_at,
        row_number() over (
            partition by abandoned.source, abandoned.cart_id
            order by customer_visits.occurred_at, customer_visits.interaction_id
        ) as visit_rank
    from abandoned
    inner join customer_visits
        on
            abandoned.customer_id = customer_visits.customer_id
            and abandoned.created_at < customer_visits.occurred_at
            and customer_visits.occurred_at
            <= abandoned.created_at + interval 30 days

),

final as (

    select
        ---------- ids
        abandoned.source,
        abandoned.cart_id,
        abandoned.customer_id,
        coalesce(abandoned.completed_order_id, later_orders.order_id)
            as recovered_order_id,
        visits_after.location_id as visited_location_id,

        ---------- strings
        abandoned.currency,
        abandoned.channel,
        case
            when abandoned.is_completed then 'the cart itself'
            when later_orders.order_id is not null then 'another order'
        end as recovered_by,

        ---------- numerics
        cast(abandoned.amount as decimal(18, 4)) as cart_amount,
        abandoned.item_count,
        {{ days_between('abandoned.created_date', 'abandoned.as_of') }} as age_days,

        ---------- booleans
        abandoned.is_completed
        or later_orders.order_id is not null as is_recovered,
        visits_after.occurred_at is not null as has_store_visit_after,

        ---------- dates
        abandoned.as_of,

        ---------- timestamps
        abandoned.created_at,
        visits_after.occurred_at as store_visited_at
    from abandoned
    left join later_orders
        on
            abandoned.source = later_orders.source
            and abandoned.cart_id = later_orders.cart_id
            and later_orders.order_rank = 1
    left join visits_after
        on
            abandoned.source = visits_after.source
            and abandoned.cart_id = visits_after.cart_id
            and visits_after.visit_rank = 1

)

select * from final
