with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

referrals as (

    select * from {{ ref('int_referrals') }}

),

reviews as (

    select * from {{ ref('int_reviews') }}

),

survey_responses as (

    select * from {{ ref('int_survey_responses') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

referral_acts as (

    select
        identifier,
        'referral' as act,
        source || '|' || referral_id as act_id,
        case when is_converted then 1 else 0 end as score,
        created_at as acted_at
    from referrals

),

review_acts as (

    select
        identifier,
        'review' as act,
        source || '|' || review_id as act_id,
        rating as score,
        created_at as acted_at
    from reviews

),

promoter_acts as (

    select
        identifier,
        'nps answer' as act,
        source || '|' || response_id as act_id,
        score,
        answered_at as acted_at
    from survey_responses
    where survey_type = 'nps'

),

-- Passing on what others made and making something oneself are different acts.
social_acts as (

    select
        identifier,
        case
            when kind in ('share', 'tag_friend', 'mention') then 'share'
            else 'content'
        end as act,
        interaction_id as act_id,
        cast(null as decimal(18, 4)) as score,
        occurred_at as acted_at
    from interactions
    where
        is_human
        and kind in (
            'share',
            'tag_friend',
            'mention',
            'user_content',
            'community_post',
            'community_answer'
        )

),

acts as (

    select * from referral_acts
    union all
    select * from review_acts
    union all
    select * from promoter_acts
    union all
    select * from social_acts

),

-- An act of nobody known makes nobody an advocate: it leaves here.
final as (

    select
        ---------- ids
        identity_assignments.customer_id,
        acts.act_id,

        ---------- strings
        acts.act,

        ---------- numerics
        cast(acts.score as decimal(18, 4)) as score,

        ---------- booleans
        {{ days_between(
            local_date('acts.acted_at', 'run_parameters.time_zone'),
            'run_parameters.as_of'
        ) }} < 365 as is_within_year,

        ---------- timestamps
        acts.acted_at
    from acts
    inner join identity_assignments
        on
            acts.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'acts.acted_at') }}
    cross join run_parameters
    where
        {{ local_date('acts.acted_at', 'run_parameters.time_zone') }}
        <= run_parameters.as_of

)

select * from final
