{#-
  How facts are brought up to date. DuckDB deletes the touched rows and inserts them anew. Spark's
  plain Parquet tables know no delete: there they are made anew each night.
-#}
{% macro fact_materialization() -%}
    {{ return(adapter.dispatch('fact_materialization')()) }}
{%- endmacro %}

{% macro duckdb__fact_materialization() -%}
    {{ return('incremental') }}
{%- endmacro %}

{% macro spark__fact_materialization() -%}
    {{ return('table') }}
{%- endmacro %}


{#-
  The strategy rewrite_touched: meta.touched names the model that lists the rows by unique_key,
  meta.touched_at the time of an order and meta.touched_months the model of the months to look at.
-#}
{% macro get_incremental_rewrite_touched_sql(arg_dict) -%}
    {%- set touched = api.Relation.create(
        database=target.database, schema='intermediate', identifier=config.get('meta').touched
    ) -%}
    {%- set columns = arg_dict.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ arg_dict.target_relation }} as kept
    using {{ touched }} as touched
    where
        {%- for name in arg_dict.unique_key %}
        kept.{{ name }} = touched.{{ name }}{{ ' and' if not loop.last }}
        {%- endfor %}
        {%- for predicate in arg_dict.incremental_predicates or [] %}
        and {{ predicate }}
        {%- endfor %}
        {%- if config.get('meta').touched_at %}
        and {{ lies_in_touched_months(
            'kept.' ~ config.get('meta').touched_at,
            config.get('meta').touched_months or 'int_touched_order_months',
        ) }}
        {%- endif %};
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}


{#- 40 bits that tell texts apart, to find one among millions without comparing texts. -#}
{% macro text_number(column) -%}
    {{ return(adapter.dispatch('text_number')(column)) }}
{%- endmacro %}

{% macro duckdb__text_number(column) -%}
    cast(hash({{ column }}) >> 24 as bigint)
{%- endmacro %}

{% macro spark__text_number(column) -%}
    shiftrightunsigned(xxhash64({{ column }}), 24)
{%- endmacro %}

{#- 64 bits that tell rows apart by some of their columns. -#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}
