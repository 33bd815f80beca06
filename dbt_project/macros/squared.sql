{#- The square of a share as a decimal: decimals add up the same in any order. -#}
{% macro squared(share) -%}
    cast(
        round(cast({{ share }} as double) * cast({{ share }} as double), 12)
        as decimal(18, 12)
    )
{%- endmacro %}
