with

source as (

    select * from {{ source('ga4', 'events') }}

),

renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        event_timestamp,
        bundle_sequence_id,
        user_pseudo_id as anonymous_id,
        user_id,
        stream_id,
        session_id,
        click_token as email_click_token,
        transaction_id as order_id,
        product_id,

        ---------- strings
        source_zone,
        event_name,
        page_url,
        referrer_url,
        traffic_source,
        traffic_medium,
        campaign,
        category,
        device,
        browser,
        country,

        ---------- numerics
        delivery_row,
        occurrence,
        session_number,
        search_term_length,
        purchase_revenue as amount,
        refund_value as refund_amount,
        tax_value as tax_amount,
        shipping_value as shipping_amount,

        ---------- dates
        event_date,

        ---------- timestamps
        occurred_at,

        ---------- categorised
        {{ stable_hash([
            'user_pseudo_id',
            'event_timestamp',
            'event_name',
            'bundle_sequence_id',
            'occurrence',
        ]) }} as event_id,
        -- money without a currency is no currency's: XXX in ISO 4217
        case
            when coalesce(purchase_revenue, refund_value) is not null
                then coalesce(currency, 'XXX')
            else currency
        end as currency,
        cast(engagement_milliseconds / 1000 as decimal(18, 4)) as engagement_seconds
    from source

)

select * from renamed
