{#- The condition is true for every row; one that comes out null does not hold. -#}
{% test holds(model, condition) %}

select *
from {{ model }}
where not coalesce({{ condition }}, false)

{% endtest %}
