"""For every expectation a way to break a sound warehouse that it must notice, as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from expectations.raw_suites import MESSAGE_IDS, WHO
from expectations.suite import Suite
from ingestion.contract import ObjectContract, load_contracts

WRITTEN: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("breakages.yml").read_text(encoding="utf-8")
)
LAST_DAY = 9
ONE = "where rowid = 0"

Breakage = tuple[str, str]


def of_suite(suite: Suite, columns: Mapping[str, str]) -> list[Breakage]:
    """The breakages of a suite's table: name of the expectation, and SQL.

    ``columns`` are the DuckDB types of the sound table's columns.
    """
    contracts = load_contracts()
    if suite.layer == "raw" and suite.table in contracts:
        return list(_of_contract(contracts[suite.table]))
    columns_named = suite.expectations[0].kwargs["column_set"]
    rename = f"alter table {suite.name} rename column {columns_named[-1]} to renamed"
    promised: Iterator[Breakage] = iter(())
    if suite.layer == "staging":
        promised = _of_staging_view(suite, columns)
    if suite.layer == "marts":
        promised = _of_mart(suite, columns)
    return [("columns_are_there", rename), *promised, *WRITTEN.get(suite.name, {}).items()]


def _of_staging_view(suite: Suite, columns: Mapping[str, str]) -> Iterator[Breakage]:
    if not suite.reads:
        return
    yield "every_row_is_there", f"delete from {suite.name}"
    for name in STAGED_AMOUNTS.get(suite.table, ()):
        assert columns[name].startswith("DECIMAL")
        yield "amounts_are_unchanged", f"update {suite.name} set {name} = {name} + 1 {ONE}"


# Amounts that a view takes over under their name; the renamed ones are in breakages.yml.
STAGED_AMOUNTS = {
    "stg_delighted__survey_responses": ("score",),
    "stg_generic__campaigns": ("cost",),
    "stg_generic__carts": ("amount",),
    "stg_generic__deals": ("amount",),
    "stg_generic__exchange_rates": ("rate",),
    "stg_generic__interactions": ("duration_seconds",),
    "stg_generic__loyalty_events": ("points", "value_amount"),
    "stg_generic__order_lines": ("quantity", "amount", "discount_amount", "refund_amount"),
    "stg_generic__orders": ("gross_amount", "discount_amount", "refund_amount"),
    "stg_generic__payments": ("amount",),
    "stg_generic__products": ("price",),
    "stg_generic__reviews": ("rating",),
    "stg_generic__survey_responses": ("score",),
    "stg_generic__web_events": ("amount", "engagement_seconds"),
    "stg_hubspot__deals": ("amount",),
    "stg_run__delivery_amounts": ("amount",),
}


def _of_mart(suite: Suite, columns: Mapping[str, str]) -> Iterator[Breakage]:
    update = f"update {suite.name} set"
    yield "as_of_is_the_day_of_the_run", f"{update} as_of = as_of + 1 {ONE}"
    if suite.happened:
        later = "timestamp '2026-06-12 00:00:00'"
        yield "nothing_happened_after_the_run", f"{update} {suite.happened} = {later} {ONE}"
    if "customer_id" in columns and suite.table != "customers":
        yield "customers_are_known", f"{update} customer_id = 'stranger' {ONE}"
    for name, kind in columns.items():
        if kind == "VARCHAR":
            yield "no_clear_email_address", f"{update} {name} = 'anna@example.org' {ONE}"
        if kind == "DOUBLE":
            yield "numbers_are_finite", f"{update} {name} = 'nan'::double {ONE}"
        if kind == "DOUBLE" and name.startswith("p_"):
            yield "probabilities_are_probabilities", f"{update} {name} = 1.01 {ONE}"
        if name.endswith("_high"):
            yield "interval_ends_are_in_order", f"{update} {name} = 0.5 {ONE}"


def _of_contract(contract: ObjectContract) -> Iterator[Breakage]:
    table = f"raw.{contract.table}"
    update = f"update {table} set"
    last = f"where delivery_id = '{contract.table}-{LAST_DAY}'"
    yield "columns_are_the_contract", f"alter table {table} add column surprise text"
    yield "every_source_that_delivered_has_rows", f"delete from {table}"
    yield "rows_are_those_of_the_ledger", f"delete from {table} {ONE}"
    yield "required_columns_are_filled", f"{update} id_space = null {ONE}"
    yield "a_record_is_there_once", f"insert into {table} select * from {table} {ONE}"
    if contract.block:
        other = f"'{contract.table}-5'"
        yield "a_block_comes_from_one_delivery", f"{update} delivery_id = {other} {ONE}"
    for column in contract.columns:
        name = column.name
        if column.type == "choice":
            yield "choices_are_known", f"{update} {name} = 'unheard of' {ONE}"
        if column.type == "currency":
            yield "currencies_are_iso_codes", f"{update} {name} = 'kr' {ONE}"
        if column.type in ("text", "url", "id") and name not in MESSAGE_IDS:
            yield "no_clear_email_address", f"{update} {name} = 'to anna@example.org now' {ONE}"
        if column.type == "money":
            yield "amounts_are_possible", f"{update} {name} = 4790000000000 {ONE}"
        if column.required:
            filled = column.raw_fields()[0][0]
            yield "required_columns_are_filled", f"{update} {filled} = null {ONE}"
        else:
            yield (
                "columns_stay_filled" if column.type == "money" else "descriptions_stay_filled",
                f"{update} {column.raw_fields()[0][0]} = null {last}",
            )
    who = [column for column in contract.columns if column.name in WHO and not column.required]
    if who:
        nobody = ", ".join(f"{column.raw_fields()[0][0]} = null" for column in who)
        yield "columns_stay_filled", f"{update} {nobody} {last}"
    yield "times_are_possible", f"{update} {contract.event_time} = timestamp '9999-12-31' {ONE}"
    if contract.money_amount:
        amount = contract.money_amount
        yield "money_is_that_of_the_ledger", f"{update} {amount} = {amount} + 0.01 {ONE}"
        yield "typical_amount_keeps_its_unit", f"{update} {amount} = 100 * {amount} {last}"
