{#-
  Facts are brought up to date by what changed in raw. A model int_touched_<facts> lists the rows
  to be rewritten, as they were and as they are to be; the facts drop these and insert them anew.
  A full refresh rewrites everything; `rapport audit` proves that both give the same.
-#}

{#- Whether a fact table is made anew, so that nothing has to be looked up. -#}
{% macro rewrites_all(fact_table) -%}
    {{ return(flags.FULL_REFRESH or not execute or as_it_was(fact_table) is none) }}
{%- endmacro %}

{#- A fact table as the last night left it. Not a ref(): it is also made after the model that asks. -#}
{% macro as_it_was(fact_table) -%}
    {{ return(adapter.get_relation(
        database=target.database, schema='intermediate', identifier=fact_table
    )) }}
{%- endmacro %}

{#- A condition that the columns are together those of a row of another table. -#}
{% macro is_among(table, columns) -%}
    ({{ columns | join(', ') }}) in (select {{ columns | join(', ') }} from {{ table }})
{%- endmacro %}

{#-
  A condition that is true for the rows that are to be rewritten, and for all in a full refresh. Of
  orders: at is when, so that only the months of touched orders are read.
-#}
{% macro is_touched(touched, columns, at=none, months='int_touched_order_months') -%}
    {%- if is_incremental() -%}
        {{ is_among(touched, columns) }}
        {%- if at %}
            and {{ lies_in_touched_months(at, months) }}
        {%- endif %}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
  The common table expressions that look up in which months rows of some orders lie; the last one is
  called as asked. Reads order_months.
-#}
{% macro months_of_orders(orders, name) -%}
order_numbers as (

    select {{ text_number("id_space || '|' || order_id") }} as order_number
    from {{ orders }}

),

{{ name }} as (

    select distinct event_month
    from order_months
    where
        {{ is_among('order_numbers', ['order_number']) }}
        and event_month is not null

)
{%- endmacro %}

{#-
  A condition that a time lies in a month of a touched order, or is unknown. The months are written
  out, so that the engine skips what lies outside.
-#}
{% macro lies_in_touched_months(at, months='int_touched_order_months') -%}
    {%- set touched_months = api.Relation.create(
        database=target.database, schema='intermediate', identifier=months
    ) -%}
    {%- set months_query = "select event_month from " ~ touched_months ~ " order by 1" -%}
    {%- set touched = run_query(months_query) if execute else {'rows': []} -%}
    (
        {{ at }} is null
        {%- for row in touched.rows %}
        or (
            {{ at }} >= timestamp '{{ row[0] }}'
            and {{ at }} < timestamp '{{ row[0] }}' + interval 1 month
        )
        {%- endfor %}
    )
{%- endmacro %}

{#-
  A condition that a span of time reaches into that between the two values of a query, written out
  as literals, so that the engine skips what lies outside.
-#}
{% macro reaches_into(start_column, end_column, bounds_query) -%}
    {%- set bounds = run_query(bounds_query).rows[0] if execute else [none, none] -%}
    {%- if bounds[0] is none -%}
        false
    {%- else -%}
        ({{ end_column }} >= timestamp '{{ bounds[0] }}'
        and {{ start_column }} <= timestamp '{{ bounds[1] }}')
    {%- endif -%}
{%- endmacro %}

{#- The same of a moment. -#}
{% macro lies_within(column, bounds_query) -%}
    {{ return(reaches_into(column, column, bounds_query)) }}
{%- endmacro %}

{#-
  Whether a query finds anything now, so that nothing else has to be read where it does not. A
  table that is joined to no row is opened all the same, and a large one is large to open.
-#}
{% macro finds_rows(query) -%}
    {{ return(not execute or run_query(query ~ " limit 1").rows | length > 0) }}
{%- endmacro %}

{#-
  For tests: a condition that is true for the times between which rows were rewritten, and for all
  in a full refresh.
-#}
{% macro may_be_rewritten(touched, column) -%}
    {%- if flags.FULL_REFRESH -%}
        true
    {%- else -%}
        {{ lies_within(
            column, "select min(" ~ column ~ "), max(" ~ column ~ ") from " ~ touched
        ) }}
    {%- endif -%}
{%- endmacro %}

{#- Whether the interaction that a record becomes is to be rewritten. -#}
{% macro is_touched_interaction(record_type, record_id, occurred_at) -%}
    {%- if is_incremental() -%}
        (source, {{ record_id }}, {{ occurred_at }}) in (
            select source, record_id, occurred_at
            from {{ ref('int_touched_interactions') }}
            where record_type = '{{ record_type }}'
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
