with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

interactions as (

    select * from {{ ref('int_interactions') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

survey_responses as (

    select * from {{ ref('int_survey_responses') }}

),

reviews as (

    select * from {{ ref('int_reviews') }}

),

tickets as (

    select * from {{ ref('int_tickets') }}

),

-- What a machine did is no evidence of a person, so it is left out here. Trackers
-- differ in whether they write an event when a visit begins: visits come from the
-- sessions below.
acts as (

    select
        identifier,
        signal,
        occurred_at,
        cast(0 as decimal(18, 6)) as opinion
    from interactions
    where
        is_human
        and signal is not null
        and not (signal = 'session' and record_type = 'web_event')
        and identifier is not null

),

-- A visit is one session, however many events it wrote.
visits as (

    select
        identifier,
        'session' as signal,
        started_at as occurred_at,
        cast(0 as decimal(18, 6)) as opinion
    from sessions
    where
        is_human
        and identifier is not null

),

survey_opinions as (

    select
        identifier,
        case survey_type
            when 'nps' then 'nps_answer'
            when 'csat' then 'csat_answer'
            when 'ces' then 'ces_answer'
        end as signal,
        answered_at as occurred_at,
        cast(
            case survey_type
                when 'nps' then score / 10
                when 'csat' then (score - 1) / 4
                when 'ces' then (score - 1) / 6
            end as decimal(18, 6)
        ) as opinion
    from survey_responses
    where
        score is not null
        and identifier is not null

),

review_opinions as (

    select
        identifier,
        'review_rating' as signal,
        created_at as occurred_at,
        cast((rating - 1) / 4 as decimal(18, 6)) as opinion
    from reviews
    where
        rating is not null
        and identifier is not null

),

ticket_opinions as (

    select
        identifier,
        'ticket_verdict' as signal,
        coalesce(resolved_at, created_at) as occurred_at,
        cast(
            case when satisfaction = 'good' then 1 else 0 end as decimal(18, 6)
        ) as opinion
    from tickets
    where
        satisfaction is not null
        and identifier is not null

),

evidence as (

    select * from acts
    union all
    select * from visits
    union all
    select * from survey_opinions
    union all
    select * from review_opinions
    union all
    select * from ticket_opinions

),

dated as (

    select
        evidence.identifier,
        evidence.signal,
        evidence.opinion,
        {{ local_date('evidence.occurred_at', 'run_parameters.time_zone') }}
            as active_date
    from evidence
    cross join run_parameters

),

final as (

    select
        ---------- ids
        identifier,
        signal,

        ---------- dates
        active_date,

        ---------- calculated
        count(*) as event_count,
        sum(opinion) as opinion_total
    from dated
    group by
        identifier,
        signal,
        active_date

)

select * from final
