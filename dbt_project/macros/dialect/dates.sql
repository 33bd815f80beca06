{#- Days, hours and epochs. Timestamps are naive UTC in every dialect. -#}

{% macro local_timestamp(utc_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('local_timestamp')(utc_timestamp, time_zone)) }}
{%- endmacro %}

{% macro duckdb__local_timestamp(utc_timestamp, time_zone) -%}
    timezone({{ time_zone }}, timezone('UTC', {{ utc_timestamp }}))
{%- endmacro %}

{% macro spark__local_timestamp(utc_timestamp, time_zone) -%}
    from_utc_timestamp({{ utc_timestamp }}, {{ time_zone }})
{%- endmacro %}


{#- The UTC moment of a local time; one that the clock skips is the first after it. -#}
{% macro utc_timestamp(local_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('utc_timestamp')(local_timestamp, time_zone)) }}
{%- endmacro %}

{% macro duckdb__utc_timestamp(local_timestamp, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, {{ local_timestamp }}))
{%- endmacro %}

{% macro spark__utc_timestamp(local_timestamp, time_zone) -%}
    to_utc_timestamp({{ local_timestamp }}, {{ time_zone }})
{%- endmacro %}


{#- The calendar day of a UTC moment where the company lives. -#}
{% macro local_date(utc_timestamp, time_zone) -%}
    cast({{ local_timestamp(utc_timestamp, time_zone) }} as date)
{%- endmacro %}


{#- Whole seconds since 1970-01-01, as bigint. -#}
{% macro epoch_seconds(utc_timestamp) -%}
    {{ return(adapter.dispatch('epoch_seconds')(utc_timestamp)) }}
{%- endmacro %}

{% macro duckdb__epoch_seconds(utc_timestamp) -%}
    cast(floor(epoch({{ utc_timestamp }})) as bigint)
{%- endmacro %}

{% macro spark__epoch_seconds(utc_timestamp) -%}
    unix_seconds(cast({{ utc_timestamp }} as timestamp))
{%- endmacro %}


{#- Whole seconds from the first moment to the second, as bigint; negative when they are reversed. -#}
{% macro seconds_between(start_at, end_at) -%}
    ({{ epoch_seconds(end_at) }} - {{ epoch_seconds(start_at) }})
{%- endmacro %}


{#- Calendar days from the first date to the second, as integer. -#}
{% macro days_between(start_date, end_date) -%}
    {{ return(adapter.dispatch('days_between')(start_date, end_date)) }}
{%- endmacro %}

{% macro duckdb__days_between(start_date, end_date) -%}
    cast({{ end_date }} - {{ start_date }} as integer)
{%- endmacro %}

{% macro spark__days_between(start_date, end_date) -%}
    datediff({{ end_date }}, {{ start_date }})
{%- endmacro %}


{#- A date so many days later; a negative number of days goes back. -#}
{% macro add_days(from_date, day_count) -%}
    {{ return(adapter.dispatch('add_days')(from_date, day_count)) }}
{%- endmacro %}

{% macro duckdb__add_days(from_date, day_count) -%}
    ({{ from_date }} + cast({{ day_count }} as integer))
{%- endmacro %}

{% macro spark__add_days(from_date, day_count) -%}
    date_add({{ from_date }}, cast({{ day_count }} as int))
{%- endmacro %}


{#- First day of the month or week (Monday) of a date, as date. -#}
{% macro month_start(of_date) -%}
    cast(date_trunc('month', {{ of_date }}) as date)
{%- endmacro %}

{% macro week_start(of_date) -%}
    cast(date_trunc('week', {{ of_date }}) as date)
{%- endmacro %}


{#- One row per day from the first date to the last, both included; use in a select list. -#}
{% macro every_day(first_date, last_date) -%}
    {{ return(adapter.dispatch('every_day')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__every_day(first_date, last_date) -%}
    cast(unnest(generate_series({{ first_date }}, {{ last_date }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__every_day(first_date, last_date) -%}
    explode(sequence({{ first_date }}, {{ last_date }}, interval 1 day))
{%- endmacro %}
