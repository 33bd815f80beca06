{#-
  The square of a number as a decimal of so many digits: decimals add up the same in any order,
  doubles do not. The number is to be of the order of one, a share or a part of the largest: with
  up to 22 digits (10 to the 22nd is the last power of ten that a double holds exactly) there is
  room for the sum of 10 to the 16th of them.
-#}
{% macro squared(number, digits) -%}
    cast(
        round(cast({{ number }} as double) * cast({{ number }} as double), {{ digits }})
        as decimal(38, {{ digits }})
    )
{%- endmacro %}
