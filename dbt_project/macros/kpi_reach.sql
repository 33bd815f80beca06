{#-
  The CTE with the day before the first event that can change a KPI: only the reported days and the
  longest window before them can. Reads the CTEs run_parameters and metrics.
-#}
{% macro kpi_reach(name) -%}
{{ name }} as (

    select
        {{ add_days('run_parameters.as_of', '-90 - max(metrics.window_days)') }}
            as before_first_date
    from run_parameters
    cross join metrics
    group by run_parameters.as_of

)
{%- endmacro %}
