{#- Stops the statement with a message, so that a test says what is wrong instead of how often. -#}
{% macro refuse(message) -%}
    {{ return(adapter.dispatch('refuse')(message)) }}
{%- endmacro %}

{% macro duckdb__refuse(message) -%}
    error({{ message }})
{%- endmacro %}

{% macro spark__refuse(message) -%}
    raise_error({{ message }})
{%- endmacro %}
