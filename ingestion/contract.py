"""Contracts: what an export promises, read from ``contracts/<vendor>.yml``.

A contract lists the objects of a vendor (contacts, orders...). Each object states its grain, how
versions of a record replace each other, which column carries money, which one names the order that
a row is about, and every column with type,
meaning and whether it holds personal data. Reading, quarantine, the raw gate and the documentation
all follow from it.

Column types and what they become in raw Parquet:

============  =====================================================================================
id            text, trimmed, NFC; ``17850.0`` is read as ``17850``; scientific notation is refused
text, url     text; e-mail addresses inside are replaced by their key
choice        text, lower case, one of ``values``
integer       BIGINT
decimal       DECIMAL(18,4): quantities, scores, seconds
rate          DECIMAL(24,10): exchange rates
money         DECIMAL(18,4); more than four decimals are rounded, half away from zero
currency      text, ISO 4217, upper case
boolean       BOOLEAN
date          DATE
timestamp     TIMESTAMP in UTC, microseconds
email         ``<name>_key`` (keyed HMAC) and ``<name>_is_role`` (info@, support@... : not a person)
email_list    ``<name>_keys``: the keys, joined by semicolons; ``<name>_role_keys``: functions
phone, name,  ``<name>_key``
address, ip
free_text     ``<name>_length``: characters; the words stay in landing and vault
============  =====================================================================================
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

CONTRACTS = Path(__file__).parent / "contracts"

MONEY = pa.decimal128(18, 4)
RATE = pa.decimal128(24, 10)
UTC_TIMESTAMP = pa.timestamp("us")

KEYED = ("email", "phone", "name", "address", "ip")

_PLAIN: Mapping[str, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "url": pa.string(),
    "choice": pa.string(),
    "currency": pa.string(),
    "integer": pa.int64(),
    "decimal": MONEY,
    "money": MONEY,
    "rate": RATE,
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": UTC_TIMESTAMP,
}

TYPES = (*_PLAIN, *KEYED, "email_list", "free_text")
MODES = ("append", "upsert", "snapshot")
# A source may go without the column; one that maps it means it.
WHERE_MAPPED = "where mapped"
# Who wins where no column says: the later file name, the later arrival, or (order-free) the content
# itself.
VERSIONS = ("content", "file_name", "received")

# Every raw row says where it came from. `id_space` is the namespace of the row's ids: the source
# instance, unless rapport.yml says that several instances share one.
ROW_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("source", pa.string()),
    ("id_space", pa.string()),
    ("delivery_id", pa.string()),
    ("delivery_row", pa.int64()),
    ("occurrence", pa.int64()),
    ("source_zone", pa.string()),
)


class ContractError(ValueError):
    """A contract file contradicts itself; the message names file, object, column and the way
    out.
    """


@dataclass(frozen=True)
class Column:
    """One column of an object, as its contract states it."""

    name: str
    type: str
    meaning: str
    pii: str
    required: bool = False
    required_where_mapped: bool = False
    values: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    format: str | None = None
    null_values: tuple[str, ...] = ()
    computed: str | None = None

    def raw_fields(self) -> tuple[tuple[str, pa.DataType], ...]:
        """Names and Arrow types of the raw Parquet columns that this column becomes."""
        if self.type == "email":
            return ((f"{self.name}_key", pa.string()), (f"{self.name}_is_role", pa.bool_()))
        if self.type == "email_list":
            return ((f"{self.name}_keys", pa.string()), (f"{self.name}_role_keys", pa.string()))
        if self.type in KEYED:
            return ((f"{self.name}_key", pa.string()),)
        if self.type == "free_text":
            return ((f"{self.name}_length", pa.int64()),)
        return ((self.name, _PLAIN[self.type]),)


@dataclass(frozen=True)
class ObjectContract:
    """One kind of record that a vendor exports."""

    vendor: str
    name: str
    owner: str
    cadence: str
    late_after_hours: int
    meaning: str
    grain: str
    mode: str
    event_time: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    version: str = "content"
    block: bool = False
    dates_the_data: bool = True
    money_amount: str | None = None
    money_currency: str | None = None
    order: str | None = None

    @property
    def table(self) -> str:
        """The name of the raw table: ``<vendor>_<object>``."""
        return f"{self.vendor}_{self.name}"

    def facts(self) -> tuple[object, ...]:
        """What of the contract decides how a record becomes a row: everything but prose."""
        columns = tuple(
            (
                column.name,
                column.type,
                column.required,
                column.required_where_mapped,
                column.values,
            )
            for column in self.columns
        )
        return (self.table, columns, self.event_time, self.money_amount, self.money_currency)

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError where there is none."""
        return next(column for column in self.columns if column.name == name)

    def raw_schema(self) -> pa.Schema:
        """The Arrow schema of the raw Parquet files of this object."""
        fields = list(ROW_COLUMNS)
        for column in self.columns:
            fields.extend(column.raw_fields())
        return pa.schema([pa.field(name, kind) for name, kind in fields])


def load_contracts(folder: Path = CONTRACTS) -> dict[str, ObjectContract]:
    """All contracts by raw table name. Raises ContractError on the first contradiction."""
    return dict(_load(folder))


@functools.cache
def _load(folder: Path) -> dict[str, ObjectContract]:
    contracts: dict[str, ObjectContract] = {}
    for path in sorted(folder.glob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, body in document["objects"].items():
            contract = _object(path, document, name, body)
            contracts[contract.table] = contract
    if not contracts:
        raise ContractError(f"{folder}: holds no contract; expected <vendor>.yml files")
    return contracts


def _object(
    path: Path, document: Mapping[str, Any], name: str, body: Mapping[str, Any]
) -> ObjectContract:
    where = f"{path.name}, object {name}"
    money = body.get("money", {})
    contract = ObjectContract(
        vendor=path.stem,
        name=name,
        owner=document["owner"],
        cadence=document["cadence"],
        late_after_hours=int(document["late_after_hours"]),
        meaning=body["meaning"],
        grain=body["grain"],
        mode=body["mode"],
        event_time=body["event_time"],
        columns=tuple(_column(where, *item) for item in body["columns"].items()),
        key=tuple(body.get("key", ())),
        version=body.get("version", "content"),
        block=bool(body.get("block", False)),
        dates_the_data=bool(body.get("dates_the_data", True)),
        money_amount=money.get("amount"),
        money_currency=money.get("currency"),
        order=body.get("order"),
    )
    _check(where, contract)
    return contract


def _column(where: str, name: str, body: Mapping[str, Any]) -> Column:
    missing = {"type", "pii", "meaning"} - set(body)
    if missing:
        raise ContractError(f"{where}, column {name}: lacks {', '.join(sorted(missing))}")
    if body.get("required", False) not in (True, False, WHERE_MAPPED):
        raise ContractError(
            f"{where}, column {name}: required is true, false or {WHERE_MAPPED!r}, "
            f"not {body['required']!r}"
        )
    if body["type"] not in TYPES:
        raise ContractError(f"{where}, column {name}: type {body['type']!r} is none of {TYPES}")
    return Column(
        name=name,
        type=body["type"],
        meaning=body["meaning"],
        pii=body["pii"],
        required=body.get("required", False) is True,
        required_where_mapped=body.get("required") == WHERE_MAPPED,
        values=tuple(body.get("values", ())),
        paths=tuple(body.get("from", ())),
        format=body.get("format"),
        null_values=tuple(body.get("null_values", ())),
        computed=body.get("computed"),
    )


def _check(where: str, contract: ObjectContract) -> None:
    if contract.mode not in MODES:
        raise ContractError(f"{where}: mode {contract.mode!r} is none of {MODES}")
    if contract.mode == "upsert" and not contract.key:
        raise ContractError(f"{where}: mode upsert needs a key")
    known = {column.name for column in contract.columns} | {"occurrence"}
    named = {contract.money_amount, contract.money_currency, contract.order} - {None}
    version = {contract.version} - set(VERSIONS)
    for needed in {*contract.key, contract.event_time, *named, *version}:
        if needed not in known:
            raise ContractError(f"{where}: {needed!r} is not one of its columns")
    for column in contract.columns:
        personal = column.type in (*KEYED, "email_list", "free_text")
        if personal != (column.pii != "none"):
            raise ContractError(
                f"{where}, column {column.name}: type {column.type} and pii {column.pii} disagree"
            )
        if column.type == "choice" and not column.values:
            raise ContractError(f"{where}, column {column.name}: a choice needs values")
