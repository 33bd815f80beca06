with

run_parameters as (

    select * from {{ ref('stg_run__parameters') }}

),

touches as (

    select * from {{ ref('int_customer_touches') }}

),

-- Messages of the last 90 days that had three days to be answered, and the answers.
messages as (

    select
        interaction_id,
        customer_id,
        channel,
        local_hour,
        occurred_at,
        age_days,
        case
            when
                kind in (
                    'email_click',
                    'email_reply',
                    'push_click',
                    'push_open',
                    'sms_click',
                    'in_app_click'
                )
                then 0
            else 1
        end as is_sent
    from touches
    where
        kind in (
            'email_delivered',
            'email_click',
            'email_reply',
            'push_delivered',
            'push_received',
            'push_click',
            'push_open',
            'sms_delivered',
            'sms_click',
            'in_app_delivered',
            'in_app_message',
            'in_app_click'
        )

),

-- An answer belongs to the last message before it on its channel.
numbered as (

    select
        *,
        sum(is_sent) over (
            partition by customer_id, channel
            order by occurred_at asc, is_sent desc, interaction_id asc
            rows between unbounded preceding and current row
        ) as message_number
    from messages

),

threads as (

    select
        customer_id,
        channel,
        message_number,
        max(case when is_sent = 1 then local_hour end) as send_hour_local,
        max(case when is_sent = 1 then age_days end) as age_days,
        max(case when is_sent = 1 then occurred_at end) as sent_at,
        min(case when is_sent = 0 then occurred_at end) as answered_at
    from numbered
    where message_number > 0
    group by
        customer_id,
        channel,
        message_number

),

-- Of messages of one moment the channel that is first by name came first.
followed as (

    select
        *,
        lag(sent_at) over (
            partition by customer_id
            order by sent_at, channel, message_number
        ) as previous_sent_at
    from threads

),

spaced as (

    select
        *,
        {{ seconds_between('previous_sent_at', 'sent_at') }} / 86400.0
            as days_since_message
    from followed

),

sent as (

    select
        channel,
        send_hour_local,
        case
            when days_since_message is null then 'first message'
            when days_since_message < 1 then 'under 1 day'
            when days_since_message < 3 then '1 to 3 days'
            when days_since_message < 7 then '3 to 7 days'
            when days_since_message < 14 then '7 to 14 days'
            else '14 days and more'
        end as days_since_last_message,
        case
            when answered_at < sent_at + interval 3 days then 1.0
            else 0.0
        end as is_answered
    from spaced
    where age_days between 3 and 92

),

totals as (

    select
        channel,
        send_hour_local,
        days_since_last_message,
        cast(count(*) as double) as n,
        cast(sum(is_answered) as double) as answered
    from sent
    group by
        channel,
        send_hour_local,
        days_since_last_message

),

rated as (

    select
        *,
        answered / n as response_rate,
        (answered / n + 3.8414588 / (2 * n)) / (1 + 3.8414588 / n) as centre,
        1.959964
        * sqrt(answered / n * (1 - answered / n) / n + 3.8414588 / (4 * n * n))
        / (1 + 3.8414588 / n) as half_width
    from totals

),

final as (

    select
        ---------- strings
        rated.channel,
        rated.days_since_last_message,

        ---------- numerics
        rated.send_hour_local,
        rated.response_rate,

        ---------- dates
        run_parameters.as_of,

        ---------- calculated
        cast(rated.n as bigint) as sent_count,
        cast(rated.answered as bigint) as answered_count,
        greatest(rated.centre - rated.half_width, 0) as interval_low,
        least(rated.centre + rated.half_width, 1) as interval_high
    from rated
    cross join run_parameters

)

select * from final
