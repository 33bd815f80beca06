with

order_spells as (

    select * from {{ ref('int_kpi_order_spells') }}

),

customer_spells as (

    select * from {{ ref('int_kpi_customer_spells') }}

),

web_spells as (

    select * from {{ ref('int_kpi_web_spells') }}

),

email_spells as (

    select * from {{ ref('int_kpi_email_spells') }}

),

survey_spells as (

    select * from {{ ref('int_kpi_survey_spells') }}

),

relation_spells as (

    select * from {{ ref('int_kpi_relation_spells') }}

),

activity_spells as (

    select * from {{ ref('int_kpi_activity_spells') }}

),

acquisition_spells as (

    select * from {{ ref('int_kpi_acquisition_spells') }}

),

spells as (

    select * from order_spells
    union all
    select * from customer_spells
    union all
    select * from web_spells
    union all
    select * from email_spells
    union all
    select * from survey_spells
    union all
    select * from relation_spells
    union all
    select * from activity_spells
    union all
    select * from acquisition_spells

),

final as (

    select
        ---------- ids
        metric,
        segment,
        channel,
        cluster_id,

        ---------- numerics
        numerator,
        denominator,
        observations,

        ---------- dates
        starts_on,
        ends_on
    from spells

)

select * from final
