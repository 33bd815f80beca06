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
  another time is somebody else's. To be joined on beside the identifier. What has no time belongs
  to nobody for a time, only to who has it always.

  Comparisons alone, with the ends of time in the place of open ends: engines join by these, while
  an "is null or" makes a left join compare every row with every other.
-#}
{% macro belongs_at(assignments, moment) -%}
    coalesce({{ assignments }}.valid_from, timestamp '0001-01-01 00:00:00')
    <= coalesce({{ moment }}, timestamp '0001-01-01 00:00:00')
    and coalesce({{ moment }}, timestamp '9999-12-30 00:00:00')
    < coalesce({{ assignments }}.valid_to, timestamp '9999-12-31 00:00:00')
{%- endmacro %}
