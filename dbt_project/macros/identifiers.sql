{#-
  An identifier is a node of the identity graph, as text: id_space|type|value.
  E-mail addresses mean the same person everywhere, other ids only within their id_space.
  Each macro gives null where its value is null.
-#}

{% macro customer_identifier(customer_id, id_space='id_space') -%}
    {{ id_space }} || '|customer|' || {{ customer_id }}
{%- endmacro %}

{% macro anonymous_identifier(anonymous_id, id_space='id_space') -%}
    {{ id_space }} || '|anonymous|' || {{ anonymous_id }}
{%- endmacro %}

{% macro survey_person_identifier(person_id, id_space='id_space') -%}
    {{ id_space }} || '|survey_person|' || {{ person_id }}
{%- endmacro %}

{% macro loyalty_identifier(loyalty_id, id_space='id_space') -%}
    {{ id_space }} || '|loyalty|' || {{ loyalty_id }}
{%- endmacro %}

{% macro email_identifier(email_key) -%}
    'any|email|' || {{ email_key }}
{%- endmacro %}

{#-
  An identifier belongs to a customer from valid_from until before valid_to: what happened at
  another time is somebody else's. To be joined on beside the identifier.
-#}
{% macro belongs_at(assignments, moment) -%}
    ({{ assignments }}.valid_from is null or {{ assignments }}.valid_from <= {{ moment }})
    and ({{ assignments }}.valid_to is null or {{ moment }} < {{ assignments }}.valid_to)
{%- endmacro %}
