"""For every expectation a way to break a sound warehouse that it must notice: SQL by expectation name."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.suite import Suite
from ingestion.contract import ObjectContract, load_contracts

LAST_DAY = 9


def of_suite(suite: Suite) -> list[tuple[str, str]]:
    """The breakages of a suite's table: name of the expectation, and SQL."""
    contracts = load_contracts()
    if suite.layer == "raw" and suite.table in contracts:
        return list(_of_contract(contracts[suite.table]))
    return [*_of_every(suite).items(), *BY_TABLE.get(suite.name, {}).items()]


def _of_every(suite: Suite) -> dict[str, str]:
    """What breaks the column set, the rows and the promises that every table of a layer makes."""
    columns = suite.expectations[0].kwargs["column_set"]
    breakages = {
        "columns_are_there": f"alter table {suite.name} rename column {columns[-1]} to renamed",
    }
    if suite.layer == "staging" and suite.reads:
        breakages["every_row_is_there"] = f"delete from {suite.name}"
        amounts = STAGED_AMOUNTS.get(suite.table)
        if amounts:
            breakages["amounts_are_unchanged"] = (
                f"update {suite.name} set {amounts} = {amounts} + 1 where rowid = 0"
            )
    return breakages


def _of_contract(contract: ObjectContract) -> Iterator[tuple[str, str]]:
    table = f"raw.{contract.table}"
    one = "where rowid = 0"
    last = f"where delivery_id = '{contract.table}-{LAST_DAY}'"
    yield "columns_are_the_contract", f"alter table {table} add column surprise text"
    yield "every_source_that_delivered_has_rows", f"delete from {table}"
    yield "rows_are_those_of_the_ledger", f"delete from {table} {one}"
    yield "required_columns_are_filled", f"update {table} set id_space = null {one}"
    yield "a_record_is_there_once", f"insert into {table} select * from {table} {one}"
    if contract.block:
        yield (
            "a_block_comes_from_one_delivery",
            f"update {table} set delivery_id = '{contract.table}-5' {one}",
        )
    for column in contract.columns:
        if column.type == "choice":
            yield "choices_are_known", f"update {table} set {column.name} = 'unheard of' {one}"
        if column.type == "currency":
            yield "currencies_are_iso_codes", f"update {table} set {column.name} = 'kr' {one}"
        if column.type in ("text", "url", "id"):
            yield (
                "no_clear_email_address",
                f"update {table} set {column.name} = 'to anna@example.org now' {one}",
            )
        if column.type == "money":
            yield "amounts_are_possible", f"update {table} set {column.name} = 4790000000000 {one}"
    yield (
        "times_are_possible",
        f"update {table} set {contract.event_time} = timestamp '9999-12-31 00:00:00' {one}",
    )
    if contract.money_amount:
        amount = contract.money_amount
        yield "money_is_that_of_the_ledger", f"update {table} set {amount} = {amount} + 0.01 {one}"
        yield "typical_amount_keeps_its_unit", f"update {table} set {amount} = 100 * {amount} {last}"
    for column in contract.columns:
        if column.required:
            continue
        decisive = column.type in ("email", "money") or column.name in ("customer_id", "contact_id")
        name = "columns_stay_filled" if decisive else "descriptions_stay_filled"
        yield name, f"update {table} set {column.raw_fields()[0][0]} = null {last}"


def _day_of_orders(rows: int, hour: str) -> str:
    return (
        f"update raw.deliveries set rows_delivered = {rows}, rows_accepted = {rows}, "
        f"data_through = data_through::date + time '{hour}' "
        f"where delivery_id = 'generic_orders-{LAST_DAY}'"
    )


STAGED_AMOUNTS = {
    "stg_delighted__survey_responses": "score",
    "stg_generic__campaigns": "cost",
    "stg_generic__carts": "amount",
    "stg_generic__deals": "amount",
    "stg_generic__exchange_rates": "rate",
    "stg_generic__interactions": "duration_seconds",
    "stg_generic__loyalty_events": "points",
    "stg_generic__order_lines": "amount",
    "stg_generic__orders": "gross_amount",
    "stg_generic__payments": "amount",
    "stg_generic__products": "price",
    "stg_generic__reviews": "rating",
    "stg_generic__survey_responses": "score",
    "stg_generic__web_events": "amount",
    "stg_hubspot__deals": "amount",
    "stg_run__delivery_amounts": "amount",
}

BY_TABLE: dict[str, dict[str, str]] = {
    "raw.run_parameters": {
        "there_is_one_row": "delete from raw.run_parameters",
        "parameters_are_usable": "update raw.run_parameters set time_zone = 'Europe/Olso'",
        "as_of_is_a_day_that_was": "update raw.run_parameters set as_of = date '2026-07-10'",
    },
    "raw.sources": {
        "there_is_a_source": "delete from raw.sources",
        "a_source_is_listed_once": "insert into raw.sources select * from raw.sources",
        "required_sources_have_delivered": (
            "insert into raw.sources select 'shop_id', vendor, id_space, true, true from raw.sources"
        ),
    },
    "raw.delivery_amounts": {
        "deliveries_with_orders_have_amounts": "delete from raw.delivery_amounts",
        "outcomes_are_known": "update raw.delivery_amounts set outcome = 'lost' where rowid = 0",
        "amounts_belong_to_a_delivery": (
            "update raw.delivery_amounts set currency = null where rowid = 0"
        ),
    },
    "raw.deliveries": {
        "there_is_a_delivery": "delete from raw.deliveries",
        "a_delivery_is_entered_once": "insert into raw.deliveries select * from raw.deliveries",
        "rows_are_conserved": (
            "update raw.deliveries set rows_duplicate = rows_duplicate - 1 where rowid = 0"
        ),
        "few_rows_are_quarantined": (
            "update raw.deliveries set rows_quarantined = 5, rows_accepted = rows_delivered - 5 "
            "where rowid = 0"
        ),
        "a_day_is_not_cut_short": _day_of_orders(20, "12:00:00"),
        "a_day_does_not_shrink_beyond_its_variation": _day_of_orders(26, "19:00:00"),
        "a_day_is_more_than_half_the_usual": _day_of_orders(20, "19:00:00"),
        "a_day_is_less_than_five_times_the_usual": _day_of_orders(200, "19:00:00"),
    },
    "staging.stg_hubspot__merged_contacts": {
        "every_merged_id_is_there": "delete from staging.stg_hubspot__merged_contacts",
    },
    "staging.stg_shopify__orders": {
        "every_order_is_there_once": "delete from staging.stg_shopify__orders",
        "order_amounts_are_unchanged": (
            "update staging.stg_shopify__orders set subtotal_amount = 0 where rowid = 0"
        ),
        "financial_statuses_are_known": (
            "update staging.stg_shopify__orders set financial_status = 'bartered' where rowid = 0"
        ),
    },
    "staging.stg_shopify__order_lines": {
        "line_amounts_are_unchanged": (
            "update staging.stg_shopify__order_lines set amount = 0 where rowid = 0"
        ),
    },
    "staging.stg_ga4__events": {
        "purchase_amounts_are_unchanged": (
            "update staging.stg_ga4__events set amount = null where rowid = 0"
        ),
    },
    "staging.stg_sendgrid__events": {
        "events_are_known": (
            "update staging.stg_sendgrid__events set event = 'teleported' where rowid = 0"
        ),
    },
}
