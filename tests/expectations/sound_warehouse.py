"""A small warehouse in which every expectation holds: ten days of one shop, in every raw table.

Raw rows are made from the contracts' schemas, staging tables from raw under the suites' column names.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from expectations.suite import Suite, read_suites
from ingestion.contract import ObjectContract, load_contracts

FIRST_DAY = "2026-06-01"
DAYS = 10
ROWS_A_DAY = 40

RUN_TABLES = """
    create table raw.run_parameters as
    select
        date '2026-06-10' as as_of,
        'NOK' as reporting_currency,
        'Europe/Oslo' as time_zone,
        true as has_commerce_source;

    create table raw.sources as
    select 'shop_no' as source, 'generic' as vendor, 'shop_no' as id_space, true as is_required,
        true as is_commerce;

    create table raw.deliveries (
        delivery_id text, source text, object text, file_name text, sha256 text,
        received_at timestamp, rows_in_file bigint, rows_filtered bigint, rows_delivered bigint,
        rows_accepted bigint, rows_quarantined bigint, rows_duplicate bigint, data_from timestamp,
        data_through timestamp, status text, reason text
    );

    create table raw.delivery_amounts (
        delivery_id text, currency text, outcome text, reason text, amount decimal(28, 4)
    );

    create table estimates.identity_assignments as
    select 'shop_no|customer|' || person as identifier, 'c' || person as customer_id
    from range(5) as people(person);
"""

# Staging columns that raw has under another name or not at all.
RENAMED = {
    "stg_ga4__events": {
        "amount": "purchase_revenue",
        "refund_amount": "refund_value",
        "tax_amount": "tax_value",
        "shipping_amount": "shipping_value",
        "anonymous_id": "user_pseudo_id",
        "order_id": "transaction_id",
        "event_id": "event_timestamp",
        "email_click_token": "click_token",
        "engagement_seconds": "engagement_milliseconds",
    },
    "stg_sendgrid__events": {
        "vendor_event": "event",
        "unsubscribe_group_id": "unsubscribe_group",
        "is_machine": "is_machine_open",
        "event": "'open'",
    },
    "stg_shopify__order_lines": {
        "order_id": "order_name",
        "product_id": "line_sku",
        "product_name": "line_name",
        "quantity": "line_quantity",
        "unit_price": "line_price",
        "line_discount_amount": "line_discount",
        "amount": "line_amount",
    },
    "stg_shopify__orders": {
        "order_id": "order_name",
        "shopify_order_id": "order_id",
        "buyer_name_key": "billing_name_key",
        "country": "shipping_country",
        "channel": "sales_channel",
        "is_test": "false",
        "ordered_at": "created_at",
        "refunded_amount": "refunded_amount",
        "financial_status": "'paid'",
    },
    "stg_hubspot__merged_contacts": {"merged_contact_id": "merged_contact_ids"},
}


def build(path: Path) -> None:
    """Write the sound warehouse to ``path``."""
    with duckdb.connect(str(path)) as connection:
        for schema in ("raw", "staging", "estimates"):
            connection.execute(f"create schema {schema}")
        connection.execute(RUN_TABLES)
        for contract in load_contracts().values():
            _fill(connection, contract)
        for suite in read_suites("staging"):
            _stage(connection, suite)


def _fill(connection: duckdb.DuckDBPyConnection, contract: ObjectContract) -> None:
    columns = ", ".join(
        f'({_value(contract, field)})::{_type(field)} as "{field.name}"'
        for field in contract.raw_schema()
    )
    connection.execute(
        f"""
        create table raw.{contract.table} as
        select {columns}
        from range({DAYS}) as days(day), range({ROWS_A_DAY}) as rows_of_day(place)
        """
    )
    connection.execute(
        f"""
        insert into raw.deliveries
        select
            delivery_id, source, '{contract.table}', delivery_id || '.csv', md5(delivery_id),
            max("{contract.event_time}")::timestamp + interval 12 hours,
            count(*), 0, count(*), count(*), 0, 0,
            min("{contract.event_time}"), max("{contract.event_time}"), 'accepted', ''
        from raw.{contract.table}
        group by delivery_id, source
        """
    )
    if contract.money_amount:
        connection.execute(
            f"""
            insert into raw.delivery_amounts
            select delivery_id, "{contract.money_currency}", 'accepted', '',
                sum("{contract.money_amount}")
            from raw.{contract.table}
            group by all
            """
        )


def _type(field: pa.Field) -> str:
    kinds = {"string": "text", "int64": "bigint", "bool": "boolean", "date32[day]": "date"}
    if pa.types.is_decimal(field.type):
        return f"decimal({field.type.precision}, {field.type.scale})"
    return kinds.get(str(field.type), "timestamp")


def _value(contract: ObjectContract, field: pa.Field) -> str:
    """SQL for a value of row ``place`` of ``day`` that the contract allows."""
    plain = {
        "source": "'shop_no'",
        "id_space": "'shop_no'",
        "delivery_id": f"'{contract.table}-' || day",
        "delivery_row": "place + 1",
        "occurrence": "place % 2",
        "source_zone": "'UTC'",
    }
    if field.name in plain:
        return plain[field.name]
    if field.name in contract.key and contract.block:
        # A block of two lines.
        return "'n' || day || '-' || place // 2"
    choices = {column.name: column.values for column in contract.columns if column.values}
    if field.name in choices:
        return f"'{choices[field.name][0]}'"
    if field.name in {column.name for column in contract.columns if column.type == "currency"}:
        return "'NOK'"
    if str(field.type) == "date32[day]":
        return f"date '{FIRST_DAY}' + day::integer + 40 * place::integer - 1600"
    if pa.types.is_timestamp(field.type):
        return f"timestamp '{FIRST_DAY} 06:00:00' + to_days(day::integer) + to_minutes(20 * place)"
    if str(field.type) == "bool":
        return "false"
    if str(field.type) == "string":
        return f"'{field.name}-' || day || '-' || place"
    # The amounts of an order stand on all its lines alike.
    return "100 + place // 2" if contract.block else "100 + place"


def _stage(connection: duckdb.DuckDBPyConnection, suite: Suite) -> None:
    reads = suite.reads or {
        "stg_shopify__orders": "raw.shopify_orders",
        "stg_hubspot__merged_contacts": "raw.hubspot_contacts",
    }[suite.table]
    known = {
        name for (name,) in connection.execute(f"select column_name from (describe {reads})").fetchall()
    }
    renamed = RENAMED.get(suite.table, {})
    columns = ", ".join(
        f'{renamed.get(name, name if name in known else "null")} as "{name}"'
        for name in suite.expectations[0].kwargs["column_set"]
    )
    once = " where delivery_row % 2 = 1" if suite.table == "stg_shopify__orders" else ""
    connection.execute(f"create table staging.{suite.table} as select {columns} from {reads}{once}")
