with

customers as (

    select * from {{ ref('int_customer_rfm') }}

),

scores as (

    select * from {{ ref('int_engagement_scores') }}

),

drivers as (

    select * from {{ ref('int_engagement_drivers') }}

),

confidence as (

    select * from {{ ref('int_engagement_confidence') }}

),

weights as (

    select * from {{ ref('int_engagement_weights') }}

),

settings as (

    select * from {{ ref('int_engagement_settings') }}

),

tiers as (

    select * from {{ ref('engagement_tiers') }}

),

versions as (

    select
        max(config_version) as config_version,
        max(reference_version) as reference_version
    from weights

),

score_at_each_look as (

    select
        customer_id,
        max(case when days_ago = 0 then score end) as score,
        max(case when days_ago = 1 then score end) as score_1d_ago,
        max(case when days_ago = 7 then score end) as score_7d_ago,
        max(case when days_ago = 30 then score end) as score_30d_ago,
        max(case when days_ago = 0 then behavioural_score end) as behavioural_score,
        max(case when days_ago = 0 then cognitive_score end) as cognitive_score,
        max(case when days_ago = 0 then emotional_score end) as emotional_score,
        max(case when days_ago = 0 then social_score end) as social_score
    from scores
    group by customer_id

),

tier_floors as (

    select
        score_at_each_look.customer_id,
        max(tiers.minimum_score) as minimum_score
    from score_at_each_look
    inner join tiers
        on score_at_each_look.score >= tiers.minimum_score
    group by score_at_each_look.customer_id

),

final as (

    select
        ---------- ids
        customers.customer_id,

        ---------- strings
        drivers.top_positive_drivers,
        drivers.top_negative_drivers,
        drivers.change_1d_drivers,
        drivers.change_7d_drivers,
        drivers.change_30d_drivers,
        versions.config_version,
        versions.reference_version,

        ---------- numerics
        score_at_each_look.score,
        score_at_each_look.behavioural_score,
        score_at_each_look.cognitive_score,
        score_at_each_look.emotional_score,
        score_at_each_look.social_score,

        ---------- dates
        confidence.last_active_date,
        customers.as_of,

        ---------- calculated
        cast(
            score_at_each_look.score - score_at_each_look.score_1d_ago
            as decimal(9, 6)
        ) as change_1d,
        cast(
            score_at_each_look.score - score_at_each_look.score_7d_ago
            as decimal(9, 6)
        ) as change_7d,
        cast(
            score_at_each_look.score - score_at_each_look.score_30d_ago
            as decimal(9, 6)
        ) as change_30d,
        coalesce(tiers.tier, 'no evidence') as tier,
        coalesce(confidence.confidence, 0) as confidence,
        coalesce(confidence.coverage, 0) as coverage,
        coalesce(confidence.freshness, 0) as freshness,
        coalesce(confidence.observations, 0) as observations,
        coalesce(confidence.confidence, 0)
        >= cast(settings.minimum_confidence as double) as is_confident
    from customers
    left join score_at_each_look
        on customers.customer_id = score_at_each_look.customer_id
    left join tier_floors
        on customers.customer_id = tier_floors.customer_id
    left join tiers
        on tier_floors.minimum_score = tiers.minimum_score
    left join drivers
        on customers.customer_id = drivers.customer_id
    left join confidence
        on customers.customer_id = confidence.customer_id
    cross join versions
    cross join settings

)

select * from final
