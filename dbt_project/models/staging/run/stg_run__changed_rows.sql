with

source as (

    select * from {{ source('run', 'changed_rows') }}

),

-- The id of a record as its own staging model has it.
renamed as (

    select
        ---------- ids
        source,
        id_space,
        delivery_id,
        case
            when object = 'ga4_events'
                then
                    {{ stable_hash(['key_1', 'key_2', 'key_3', 'key_4', 'key_5']) }}
            else key_1
        end as record_id,
        order_id,

        ---------- strings
        object,

        ---------- numerics
        load_number,

        ---------- booleans
        is_removed,

        ---------- timestamps
        event_at as occurred_at
    from source

)

select * from renamed
