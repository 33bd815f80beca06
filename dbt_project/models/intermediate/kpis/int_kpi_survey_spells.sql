with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

identity_assignments as (

    select * from {{ ref('stg_estimates__identity_assignments') }}

),

survey_responses as (

    select * from {{ ref('int_survey_responses') }}

),

tickets as (

    select * from {{ ref('int_tickets') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

metrics as (

    select * from {{ ref('kpi_metrics') }}
    where topic = 'surveys'

),

survey_answers as (

    select
        survey_type as metric,
        identifier,
        source || '|' || response_id as answer_id,
        case
            when survey_type = 'nps' and score >= 9 then 1
            when survey_type = 'nps' and score <= 6 then -1
            when survey_type = 'nps' then 0
            when survey_type = 'csat' and score >= 4 then 1
            when survey_type = 'csat' then 0
            when survey_type = 'ces' then score
        end as numerator,
        answered_at
    from survey_responses
    where score is not null

),

ticket_verdicts as (

    select
        'ticket_good_share' as metric,
        identifier,
        source || '|' || ticket_id as answer_id,
        case when satisfaction = 'good' then 1 else 0 end as numerator,
        coalesce(resolved_at, created_at) as answered_at
    from tickets
    where satisfaction is not null

),

survey_touches as (

    select
        interactions.kind,
        interactions.interaction_id,
        interactions.occurred_at,
        interactions.identifier,
        coalesce(
            identity_assignments.customer_id, interactions.identifier
        ) as person
    from interactions
    left join identity_assignments
        on
            interactions.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'interactions.occurred_at') }}
    where interactions.kind in ('survey_sent', 'survey_answered')

),

-- An answer follows an invitation when it comes within thirty days, whatever system
-- took it.
invitations as (

    select
        'survey_response_rate' as metric,
        invited.identifier,
        invited.interaction_id as answer_id,
        max(case when answered.kind is null then 0 else 1 end) as numerator,
        invited.occurred_at as answered_at
    from survey_touches as invited
    left join survey_touches as answered
        on
            invited.person = answered.person
            and answered.kind = 'survey_answered'
            and invited.occurred_at <= answered.occurred_at
            and answered.occurred_at < invited.occurred_at + interval 30 days
    where invited.kind = 'survey_sent'
    group by
        invited.identifier,
        invited.interaction_id,
        invited.occurred_at

),

answers as (

    select * from survey_answers
    union all
    select * from ticket_verdicts
    union all
    select * from invitations

),

dated as (

    select
        answers.metric,
        answers.answer_id,
        answers.numerator,
        answers.answered_at,
        coalesce(
            identity_assignments.customer_id, answers.identifier, answers.answer_id
        ) as cluster_id,
        {{ local_date('answers.answered_at', 'run_parameters.time_zone') }}
            as answered_date
    from answers
    cross join run_parameters
    left join identity_assignments
        on
            answers.identifier = identity_assignments.identifier
            and {{ belongs_at('identity_assignments', 'answers.answered_at') }}

),

followed as (

    select
        *,
        lead(answered_date) over (
            partition by metric, cluster_id
            order by answered_at, answer_id
        ) as next_date
    from dated

),

bounded as (

    select
        followed.*,
        {{ add_days('followed.answered_date', 'metrics.window_days') }} as leaves_on
    from followed
    inner join metrics
        on followed.metric = metrics.metric

),

-- Of a customer's NPS answers only the latest speaks; CSAT, CES and tickets judge one
-- experience each, so all of them count.
ended as (

    select
        metric,
        cluster_id,
        numerator,
        answered_date,
        case
            when metric = 'nps' and next_date < leaves_on then next_date
            else leaves_on
        end as ends_on
    from bounded

),

final as (

    select
        ---------- ids
        metric,
        'all' as segment,
        'all' as channel,
        cluster_id,

        ---------- numerics
        cast(numerator as decimal(18, 4)) as numerator,
        cast(1 as decimal(18, 4)) as denominator,
        1 as observations,

        ---------- dates
        answered_date as starts_on,
        ends_on
    from ended
    where ends_on > answered_date

)

select * from final
