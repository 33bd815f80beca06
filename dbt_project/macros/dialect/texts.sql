{#- Texts: splitting, matching, joining, hashing. -#}

{#- One row per part of a separated text; use in a select list. -#}
{% macro split_to_rows(joined_text, separator) -%}
    {{ return(adapter.dispatch('split_to_rows')(joined_text, separator)) }}
{%- endmacro %}

{% macro duckdb__split_to_rows(joined_text, separator) -%}
    unnest(string_split({{ joined_text }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__split_to_rows(joined_text, separator) -%}
    explode(split({{ joined_text }}, '[{{ separator }}]'))
{%- endmacro %}


{#- Whether a regular expression (RE2 and Java agree on it) is found anywhere in a text. -#}
{% macro matches(searched_text, pattern) -%}
    {{ return(adapter.dispatch('matches')(searched_text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(searched_text, pattern) -%}
    regexp_matches({{ searched_text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(searched_text, pattern) -%}
    ({{ searched_text }} rlike '{{ pattern }}')
{%- endmacro %}


{#- Distinct values of a group as one text, in order. -#}
{% macro joined_values(expression, separator) -%}
    {{ return(adapter.dispatch('joined_values')(expression, separator)) }}
{%- endmacro %}

{% macro duckdb__joined_values(expression, separator) -%}
    array_to_string(list_sort(list(distinct {{ expression }})), '{{ separator }}')
{%- endmacro %}

{% macro spark__joined_values(expression, separator) -%}
    array_join(array_sort(collect_set({{ expression }})), '{{ separator }}')
{%- endmacro %}


{#- Stable 32-character key of several text columns; null and empty text differ. -#}
{% macro stable_hash(columns) -%}
    md5(concat_ws('|'
    {%- for column in columns -%}
        , coalesce(replace(cast({{ column }} as string), '|', '||'), '~null~')
    {%- endfor -%}
    ))
{%- endmacro %}


{#- SHA-256 of a text, as 64 hexadecimal digits. -#}
{% macro sha256_hex(text) -%}
    {{ return(adapter.dispatch('sha256_hex')(text)) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(text) -%}
    sha256({{ text }})
{%- endmacro %}

{% macro spark__sha256_hex(text) -%}
    sha2({{ text }}, 256)
{%- endmacro %}
