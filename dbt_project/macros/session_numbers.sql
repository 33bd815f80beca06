{#-
  Sessions that the tracker numbers. The numbers are the tracker's own and begin anew, for example
  where a counter is kept in a cookie: one that is heard again after this silence is another
  session. So a new day never has to be compared with all days before it.
-#}
{% macro session_silence_days() -%}
    30
{%- endmacro %}

{#- The number by which sessions are found: alike for all sessions that the tracker calls alike. -#}
{% macro session_number(session_name) -%}
    {{ text_number("split_part(" ~ session_name ~ ", '|on ', 1)") }}
{%- endmacro %}
