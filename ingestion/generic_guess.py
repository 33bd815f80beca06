"""Guesses: which generic contract a file with unknown fields may feed, by the words in their names.

The lists are short on purpose: a guess that has to be corrected costs more than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.contract import load_contracts
from ingestion.field_paths import parse_path

# Per contract, the words that a field may be called for a column, best first. Of the contracts, the
# first one that finds all it needs is the guess, so the more particular ones stand first.
_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "generic_payments": {
        "payment_id": ("payment id", "transaction id", "id"),
        "kind": ("kind", "payment type", "transaction type"),
        "amount": ("amount",),
        "processed_at": ("processed at", "created at"),
        "order_id": ("order id",),
        "parent_payment_id": ("parent id",),
        "status": ("status",),
        "currency": ("currency",),
    },
    "generic_order_lines": {
        "order_id": ("order id", "order no", "order number", "invoice no", "invoice id", "invoice"),
        "ordered_at": ("ordered at", "order date", "invoice date", "created at", "date"),
        "quantity": ("quantity", "qty", "units"),
        "unit_price": ("unit price", "price"),
        "product_id": ("product id", "sku", "stock code", "item id", "article"),
        "product_name": ("product name", "description", "item name"),
        "customer_id": ("customer id", "client id"),
        "email": ("email", "e mail", "email address"),
        "currency": ("currency",),
        "country": ("country",),
    },
    "generic_orders": {
        "order_id": ("order id", "order no", "order number", "invoice no", "invoice id"),
        "ordered_at": ("ordered at", "order date", "created at", "date"),
        "gross_amount": ("gross amount", "total amount", "order total", "total", "amount"),
        "customer_id": ("customer id", "client id"),
        "email": ("email", "e mail", "email address"),
        "currency": ("currency",),
        "status": ("order status", "status"),
    },
    "generic_email_events": {
        "event_id": ("event id", "message id"),
        "event": ("event", "event type", "action"),
        "occurred_at": ("occurred at", "timestamp", "event time", "date"),
        "email": ("email", "recipient", "email address"),
        "campaign_id": ("campaign id", "campaign"),
        "url": ("url", "link"),
    },
    "generic_web_events": {
        "event_id": ("event id", "hit id"),
        "event_name": ("event name", "event", "event type", "action"),
        "occurred_at": ("occurred at", "timestamp", "event time", "event timestamp", "time"),
        "page_url": ("page url", "url", "page"),
        "anonymous_id": ("anonymous id", "visitor id", "client id"),
        "user_id": ("user id",),
        "session_id": ("session id",),
    },
    "generic_survey_responses": {
        "response_id": ("response id", "answer id"),
        "score": ("score", "rating", "nps"),
        "answered_at": ("answered at", "recorded date", "end date", "created at", "date"),
        "customer_id": ("customer id",),
        "email": ("email", "recipient email"),
        "comment": ("comment", "feedback"),
    },
    "generic_tickets": {
        "ticket_id": ("ticket id", "case id", "case number"),
        "created_at": ("created at", "opened at", "created date"),
        "status": ("status",),
        "customer_id": ("customer id", "requester id"),
        "email": ("email", "requester email"),
        "subject": ("subject",),
    },
    "generic_contacts": {
        "contact_id": ("contact id", "customer id", "member id", "record id", "person id", "id"),
        "email": ("email", "e mail", "email address"),
        "first_name": ("first name", "firstname", "given name"),
        "last_name": ("last name", "lastname", "surname", "full name"),
        "phone": ("phone", "phone number", "mobile"),
        "created_at": ("created at", "create date", "created date", "signup date"),
        "updated_at": ("updated at", "last modified date", "modified at"),
    },
}

# What tells a contract's files from others, beside its required columns.
_TELLING: Mapping[str, tuple[str, ...]] = {
    "generic_orders": ("gross_amount",),
    "generic_payments": ("order_id",),
    "generic_order_lines": ("ordered_at", "unit_price"),
    "generic_email_events": ("email",),
    "generic_web_events": ("page_url",),
    "generic_survey_responses": ("score",),
    "generic_tickets": ("status",),
    "generic_contacts": ("email", "last_name"),
}

# Required columns that no field feeds as a rule, with the likeliest word.
_LIKELY: Mapping[str, Mapping[str, Any]] = {
    "generic_survey_responses": {"survey_type": {"constant": "nps"}},
}


def guessed_contract(fields: Sequence[str]) -> str | None:
    """The raw table of the contract that the fields resemble; None where there is none."""
    for table in _WORDS:
        required = {column.name for column in load_contracts()[table].columns if column.required}
        if required | set(_TELLING.get(table, ())) <= set(guessed_columns(table, fields)):
            return table
    return None


def guessed_columns(table: str, fields: Sequence[str]) -> dict[str, Any]:
    """Columns of a contract with the field that each seems to be, as in ``rapport.yml``."""
    by_words = {_words(field): field for field in reversed(fields) if _is_plain(field)}
    columns: dict[str, Any] = {}
    for column, names in _WORDS[table].items():
        field = next((by_words[name] for name in names if name in by_words), None)
        if field is not None and field not in columns.values():
            columns[column] = field
    return {**_LIKELY.get(table, {}), **columns}


def _words(field: str) -> str:
    """``InvoiceNo``, ``invoice_no`` and ``Invoice No.`` are the same words."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", field)
    return " ".join(re.sub(r"[^0-9A-Za-z]+", " ", apart).lower().split())


def _is_plain(field: str) -> bool:
    """Can rapport.yml name the field as it stands, in any format?"""
    return field.isprintable() and parse_path(field).key is None
