{#-
  How much of a refund is goods. A refund of everything charged is the goods whole; a smaller one
  holds tax in the order's proportion and no shipping, and is never more than the goods.
-#}
{% macro goods_refunded(refunded, goods, tax, charged) -%}
    case
        when coalesce({{ refunded }}, 0) = 0 then 0
        when {{ refunded }} >= coalesce({{ charged }}, {{ goods }}) then {{ goods }}
        when {{ goods }} + coalesce({{ tax }}, 0) = 0 then 0
        else least(
            {{ goods }},
            round(
                {{ refunded }} * {{ goods }} / ({{ goods }} + coalesce({{ tax }}, 0)), 2
            )
        )
    end
{%- endmacro %}
