{#-
  The common table expression of user agents that name themselves machines, called as asked. Reads
  agents and machine_agent_words. Said once: web trackers and mail systems meet the same machines.
-#}
{% macro machine_agents(name) -%}
-- Cubot makes telephones.
{{ name }} as (

    select distinct
        agents.user_agent,
        'bot' as agent_reason
    from agents
    inner join machine_agent_words
        on
            position(
                machine_agent_words.word
                in replace(lower(agents.user_agent), 'cubot', '')
            ) > 0

)
{%- endmacro %}
