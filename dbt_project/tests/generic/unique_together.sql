{#-
  The named columns together are a key: no two rows agree in all of them. Of facts that rewrite only
  touched rows, only these are looked at.
-#}
{% test unique_together(model, columns, touched=none, touched_by=none) %}

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
{% endif -%}
group by {{ key }}
having count(*) > 1

{% endtest %}
