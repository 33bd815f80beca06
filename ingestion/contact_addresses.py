"""Which e-mail address a contact record carried, and when: from all its versions, the replaced ones
too.

The newest version of a contact knows only today's address. People change jobs, and the address
passes to a successor: without its history, the successor would take over their orders as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from ingestion.raw_parquet import raw_path
from ingestion.settings import Settings
from ingestion.sql_text import literal

CONTACT_TABLES = ("generic_contacts", "hubspot_contacts")


def load_contact_addresses(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    deliveries: Mapping[str, Sequence[str]],
) -> None:
    """Fill ``raw.contact_addresses``: one row per contact, address and time it was carried.

    ``deliveries``: ids of the deliveries in force, by raw table. Needs the view ``versions``
    (delivery_id, version_key, arrival). ``valid_from``: when the first version with the address was
    written; what the record said before, nobody delivered. ``valid_to`` is null while it stands;
    ``is_ended``: the record was removed then, not given another address.
    """
    selects = [
        f"select {', '.join(_COLUMNS)}, version_key, arrival from read_parquet([{paths}]) "
        "inner join versions using (delivery_id)"
        for table in CONTACT_TABLES
        if (
            paths := ", ".join(
                literal(str(raw_path(settings.home, table, delivery)))
                for delivery in deliveries.get(table, ())
            )
        )
    ]
    connection.execute(
        "create or replace table raw.contact_addresses (source text, id_space text, "
        "contact_id text, email_key text, email_is_role boolean, valid_from timestamp, "
        "valid_to timestamp, is_ended boolean)"
    )
    if selects:
        connection.execute(_HISTORY.format(versions=" union all ".join(selects)))


_COLUMNS = (
    "source",
    "id_space",
    "contact_id",
    "email_key",
    "email_is_role",
    "created_at",
    "updated_at",
    "is_deleted",
)

# Only versions without a time are ordered by their file: the order in which files came must not
# show where there is a better one.
_HISTORY = """
    insert into raw.contact_addresses
    with versions_told as (
        select distinct
            source, id_space, contact_id, email_key, email_is_role, created_at, updated_at,
            coalesce(is_deleted, false) as is_deleted,
            case when updated_at is null then version_key end as file_version,
            case when updated_at is null then arrival end as file_arrival
        from ({versions})
        where contact_id is not null
    ),
    numbered as (
        select *, row_number() over (
            partition by source, contact_id
            order by
                updated_at nulls first, file_version, file_arrival, is_deleted,
                email_key nulls first, created_at, email_is_role
        ) as place
        from versions_told
    ),
    marked as (
        select *, case
            when lag(email_key) over record is distinct from email_key or place = 1 then 1 else 0
        end as is_change
        from numbered
        window record as (partition by source, contact_id order by place)
    ),
    runs as (
        select *, sum(is_change) over (
            partition by source, contact_id order by place
        ) as run
        from marked
    ),
    spans as (
        select
            source, contact_id, run, any_value(id_space) as id_space,
            any_value(email_key) as email_key, bool_or(email_is_role) as email_is_role,
            coalesce(min(updated_at), case when run = 1 then min(created_at) end) as valid_from,
            max(updated_at) as told_until,
            arg_max(is_deleted, place) as is_ended
        from runs
        group by source, contact_id, run
    ),
    bounded as (
        select *, lead(valid_from) over record as next_from,
            lead(run) over record is not null as has_next
        from spans
        window record as (partition by source, contact_id order by run)
    )
    select
        source, id_space, contact_id, email_key, email_is_role, valid_from,
        case when is_ended then told_until when has_next then coalesce(next_from, told_until) end,
        is_ended
    from bounded
    where email_key is not null
    order by source, contact_id, valid_from
"""
