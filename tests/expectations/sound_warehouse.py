"""A small warehouse in which every expectation holds: ten days of one shop, in every raw table.

Raw rows are made from the contracts' schemas, staging tables from raw under the suites' column
names, marts from the suites' column names: five rows for five customers.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from expectations.suite import Suite, read_suites
from ingestion.contract import ObjectContract, load_contracts
from rapport.lifetime_values import TABLES, create_missing

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

    create schema loads;
    create table loads.state (facts_load_number bigint);

    create table raw.changed_rows as
    select
        1 as load_number, 'generic_orders' as object, 'shop_no' as source, 'shop_no' as id_space,
        'd1' as delivery_id, 'o1' as key_1, 'o1' as order_id, false as is_removed,
        timestamp '2026-06-10 10:00' as event_at;

    create table raw.order_months as
    select 1 as order_number, date '2026-06-01' as event_month;

    create table raw.delivery_amounts (
        delivery_id text, currency text, outcome text, reason text, amount decimal(28, 4)
    );

    create table estimates.identity_assignments as
    select
        'shop_no|customer|' || person as identifier, 'shop_no|customer|' || person as node,
        'c' || person as customer_id, null::timestamp as valid_from, null::timestamp as valid_to
    from range(5) as people(person);

    create table estimates.identity_exclusions as
    select
        'identifier ' || n as identifier, null::text as other_identifier,
        null::text as evidence_source,
        null::text as evidence, timestamp '2026-06-01' as observed_at, 'role mailbox' as reason
    from range(5) as guarded(n);

    create table raw.contact_addresses as
    select
        'shop_no' as source, 'shop_no' as id_space, 'c' || person as contact_id,
        'k1:' || person as email_key, false as email_is_role,
        timestamp '2026-06-01' as valid_from, null::timestamp as valid_to, false as is_ended
    from range(5) as people(person);

    create table raw.identity_decisions as
    select
        2 as line, 'merge' as decision, 'shop_no|customer|0' as left_identifier,
        'any|email|k1:0' as right_identifier;

    create table intermediate.int_orders (
        currency text, delivered_amount decimal(18, 4), ordered_date date
    );
"""

# All money that raw accepted stands in the first order.
ALL_MONEY = """
    case when n = 0 then (select sum(amount) from raw.delivery_amounts) else 0 end::decimal(28, 4)
"""

# Values of the marts' columns by name: the same thing has the same name everywhere.
NUMBERS = {
    "decimal(18, 4)": """
        gross_amount discount_amount refund_amount adjustment_amount tax_amount shipping_amount
        net_amount net_amount_reporting amount_reporting net_value mean_repeat_value cost
        attributed_revenue credited_net_amount net_revenue points_balance points_balance_value
        quantity cart_amount first_response_minutes resolution_hours actual_value_90d
    """,
    "decimal(9, 6)": """
        score behavioural_score cognitive_score emotional_score social_score contribution change_1d
        change_7d change_30d contribution_change_1d contribution_change_7d contribution_change_30d
        credited_orders
    """,
    "bigint": """
        order_count repeat_purchase_days recency_days tenure_days page_views volume human_volume
        reach responses delivered_count human_open_count human_click_count unsubscribe_count
        complaint_count control_count n n_members n_others horizon_days row_count view_count
        order_line_count step_count age_months customer_count retained_customers age_days
        referrals_sent referrals_converted review_count share_count line_number
        customer_order_number decile origin_count span_days actual_orders_30d actual_orders_90d
        activity_breadth_90d active_weeks_13w preferred_hour_local send_hour_local sent_count
        transition_count viewer_count known_viewer_count ordering_viewer_count
    """,
    "double": """
        p_alive p_order_30d pace_30d pace_90d expected_orders_30d expected_orders_90d
        expected_orders_365d expected_value_30d expected_value_90d expected_value_365d
        expected_value_365d_low
        expected_value_365d_high lifetime_value_discounted confidence coverage value interval_low
        interval_high auc top_decile_lift base_rate log_likelihood actual predicted mae rmse
        naive_mae calibration_error retention_rate bad_outcome_rate predicted_share actual_share
        expected_orders expected_orders_low expected_orders_high auc_standard_error auc_margin
        auc_margin_standard_error lift_ratio rank_correlation trust_index csat_share_365d
        dialogue_ratio_90d response_rate transition_share order_rate effect
    """,
}
MART_COLUMNS = {
    "as_of": "date '2026-06-10'",
    "date": "date '2026-06-10'",
    "origin_date": "date '2026-06-01'",
    "month_end_date": "date '2026-06-01'",
    "model": "'mbg_nbd'",
    "status": "'passed'",
    "acquisition_month": "date '2026-06-01'",
    "order_month": "date '2026-06-01'",
    "first_purchase_date": "date '2026-06-05'",
    "last_purchase_date": "date '2026-06-05'",
    "last_active_date": "date '2026-06-05'",
    "last_touched_date": "date '2026-06-05'",
    "customer_id": "'c' || n",
    "source": "'shop_no'",
    "currency": "'NOK'",
    "email_consent": "'unknown'",
    "survey_type": "'nps'",
    "delivered_amount": ALL_MONEY,
    "unit": "'orders'",
    "compared_date": "date '2026-06-09'",
    "silent_growth_count": "0::bigint",
    "population_stability_index": "0::double",
    "largest_decile_drop": "0::double",
    "calibration_error": "0::double",
    "valid_to": "null::timestamp",
    "insufficiency_reason": "null::text",
    "machine_reason": "null::text",
    **{name: f"1::{kind}" for kind, names in NUMBERS.items() for name in names.split()},
}
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
    with duckdb.connect() as connection:
        # Small blocks: tests copy the file often, and most of a default block would be empty.
        connection.execute(f"attach '{path}' as warehouse (block_size 16384); use warehouse")
        for schema in ("raw", "staging", "estimates", "intermediate", "marts"):
            connection.execute(f"create schema {schema}")
        connection.execute(RUN_TABLES)
        create_missing(connection)
        for name, schema in TABLES.items():
            row = ", ".join(
                "date '2026-06-01'" if field.name == "origin_date" else "null" for field in schema
            )
            connection.execute(f"insert into estimates.{name} values ({row})")
        for contract in load_contracts().values():
            _fill(connection, contract)
        for suite in read_suites("staging"):
            _stage(connection, suite)
        for suite in read_suites("marts"):
            _publish(connection, suite)


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
    by_name = {
        "source": "'shop_no'",
        "id_space": "'shop_no'",
        "delivery_id": f"'{contract.table}-' || day",
        "delivery_row": "place + 1",
        "occurrence": "place % 2",
        "source_zone": "'UTC'",
    }
    for column in contract.columns:
        if column.values:
            by_name[column.name] = f"'{column.values[0]}'"
        if column.type == "currency":
            by_name[column.name] = "'NOK'"
        if contract.block and column.name in contract.key:
            # A block of two lines.
            by_name[column.name] = "'n' || day || '-' || place // 2"
    by_type = {
        "bool": "false",
        "string": f"'{field.name}-' || day || '-' || place",
        "date32[day]": f"date '{FIRST_DAY}' + day::integer + 40 * place::integer - 1600",
        "timestamp[us]": (
            f"timestamp '{FIRST_DAY} 06:00:00' + to_days(day::integer) + to_minutes(20 * place)"
        ),
    }
    # The amounts of an order stand on all its lines alike.
    number = "100 + place // 2" if contract.block else "100 + place"
    return by_name.get(field.name, by_type.get(str(field.type), number))


def _stage(connection: duckdb.DuckDBPyConnection, suite: Suite) -> None:
    reads = (
        suite.reads
        or {
            "stg_shopify__orders": "raw.shopify_orders",
            "stg_hubspot__merged_contacts": "raw.hubspot_contacts",
        }[suite.table]
    )
    known = {
        name
        for (name,) in connection.execute(f"select column_name from (describe {reads})").fetchall()
    }
    renamed = RENAMED.get(suite.table, {})
    columns = ", ".join(
        f'{renamed.get(name, name if name in known else "null")} as "{name}"'
        for name in suite.expectations[0].kwargs["column_set"]
    )
    once = " where delivery_row % 2 = 1" if suite.table == "stg_shopify__orders" else ""
    connection.execute(f"create table staging.{suite.table} as select {columns} from {reads}{once}")


def _publish(connection: duckdb.DuckDBPyConnection, suite: Suite) -> None:
    if suite.table in ("pipeline_ledger", "pipeline_ledger_amounts"):
        run_table = {"pipeline_ledger": "deliveries"}.get(suite.table, "delivery_amounts")
        connection.execute(
            f"create table marts.{suite.table} as "
            f"select *, date '2026-06-10' as as_of from raw.{run_table}"
        )
        return
    columns = ", ".join(
        f'{_mart_value(name)} as "{name}"' for name in suite.expectations[0].kwargs["column_set"]
    )
    connection.execute(
        f"create table marts.{suite.table} as select {columns} from range(5) as r(n)"
    )


def _mart_value(name: str) -> str:
    if name in MART_COLUMNS:
        return MART_COLUMNS[name]
    if name.endswith(("_at", "valid_from")):
        return "timestamp '2026-06-05 12:00:00'"
    if name.startswith(("is_", "has_")):
        return "true"
    return f"'{name} ' || n"
