{#-
  The named columns together are a key: no two rows agree in all of them. Of facts that rewrite only
  touched rows, only these are looked at; of orders, only their months.
-#}
{% test unique_together(
    model, columns, touched=none, touched_by=none, touched_at=none
) %}

{%- set key = columns | join(', ') %}

select
    {{ key }},
    count(*) as row_count
from {{ model }}
{% if touched and not flags.FULL_REFRESH -%}
    where
        ({{ touched_by | join(', ') }}) in (
            select {{ touched_by | join(', ') }} from {{ ref(touched) }}
        )
        {%- if touched_at %}
        and {{ lies_in_touched_months(touched_at) }}
        {%- endif %}
{% endif -%}
group by {{ key }}
having count(*) > 1

{% endtest %}
