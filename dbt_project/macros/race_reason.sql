{#-
  Why the events of one session and day are a machine's. Nobody reads twenty pages at less than two
  seconds each: a crawler that calls itself an ordinary browser. Judged by day, so that tomorrow
  changes no day before it.
-#}
{% macro race_reason(event_name, occurred_at) -%}
    {%- set viewed_at -%}
        case when {{ event_name }} in ('page_view', 'screen_view') then {{ occurred_at }} end
    {%- endset -%}
    case
        when
            count({{ viewed_at }}) >= 20
            and {{ seconds_between("min(" ~ viewed_at ~ ")", "max(" ~ viewed_at ~ ")") }}
            < 2 * (count({{ viewed_at }}) - 1)
            then 'bot'
    end
{%- endmacro %}
