"""The tables that identity resolution reads and writes, and the words in them."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

# What has no time was there before, or comes after, everything that has one.
BEGINNING, END = datetime(1, 1, 1), datetime(9999, 12, 31)  # noqa: DTZ001 - naive UTC

_MOMENT = pa.timestamp("us")

# One row per identifier. ``is_contact``: a record made to say who somebody is carries this id;
# ``name_key``: the name on it.
IDENTIFIERS = pa.schema(
    [
        ("identifier", pa.string()),
        ("identifier_type", pa.string()),
        ("id_space", pa.string()),
        ("name_key", pa.string()),
        ("is_contact", pa.bool_()),
        ("has_order", pa.bool_()),
        ("guard_reason", pa.string()),
        ("first_seen_at", _MOMENT),
    ]
)

# Evidence that two identifiers are one person. ``last_observed_at`` null: it still stands;
# ``is_ended``: the record behind it was removed at ``last_observed_at``.
EDGES = pa.schema(
    [
        ("left_identifier", pa.string()),
        ("right_identifier", pa.string()),
        ("source", pa.string()),
        ("evidence", pa.string()),
        ("strength", pa.float64()),
        ("observed_at", _MOMENT),
        ("last_observed_at", _MOMENT),
        ("is_ended", pa.bool_()),
    ]
)

# Which customer an identifier belongs to, from ``valid_from`` until before ``valid_to`` (null:
# open). ``node``: the identifier, with the moment from which on where it changed hands.
ASSIGNMENTS = pa.schema(
    [
        ("identifier", pa.string()),
        ("node", pa.string()),
        ("customer_id", pa.string()),
        ("valid_from", _MOMENT),
        ("valid_to", _MOMENT),
    ]
)

# What joins nobody, and why. ``other_identifier`` null: the identifier as a whole.
EXCLUSIONS = pa.schema(
    [
        ("identifier", pa.string()),
        ("other_identifier", pa.string()),
        ("evidence_source", pa.string()),
        ("evidence", pa.string()),
        ("observed_at", _MOMENT),
        ("reason", pa.string()),
    ]
)

# Identifiers that any evidence holds together, before guards look inside: what one new piece of
# evidence can change.
BLOCKS = pa.schema([("identifier", pa.string()), ("block", pa.string())])

ANONYMOUS, CUSTOMER, EMAIL = "anonymous", "customer", "email"

# The user's own word; it goes before every other evidence.
DECIDED_ONE, DECIDED_TWO = "decision_merge", "decision_do_not_merge"
VENDOR_MERGE = "merge"
CONTACT_EMAIL, CONTACT_CARD = "contact_email", "contact_card"
CLICK = "email_click"

# Three accounts with one address or card may be one forgetful person; more is a till or a test.
MOST_CUSTOMERS = 3
# Devices aside. Nobody has so many addresses, accounts and cards; a chain of mistakes has.
MOST_IDENTIFIERS = 50

SHARED_ADDRESS = "address of several customers at once"
CROWDED_ADDRESS = "address of more than three customers"
SHARED_CARD = "card of several customers"
SHARED_DEVICE = "device of several customers at once"
CROWDED_DEVICE = "device of more than three customers"
FORWARDED_LINK = "link followed on a device of somebody else"
MANY_LINKS = "device that followed links of several customers"
TWO_CUSTOMERS = "would join two customers of one source"
DECIDED = "decided by the user"
CHANGED_HANDS = "address changed hands while it was observed"
OVERSIZE = "cluster of more than 50 identifiers"
