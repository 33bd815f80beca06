"""Settings: the data home, ``rapport.yml`` and nothing else. The only module that reads the
environment.

``rapport.yml`` lies in the data home. It names the reporting currency, the company's time zone and
the source instances; docs/mapping.md fixes every key. A key that is not known is an error that
names the nearest right one. Every value is read as the text that stands there: ``NO`` is Norway and
``007`` an id, not false and 7.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from ingestion.contract import MODES, VERSIONS, Column, ObjectContract, load_contracts
from ingestion.identity_decisions import Decision, DecisionError, read_decisions
from ingestion.mapping import (
    ColumnRule,
    Condition,
    MappingError,
    contract_rule,
    nearest,
    parse_column,
    parse_filter,
    text_of,
    texts_of,
    time_zone,
)
from ingestion.source import ObjectExport
from ingestion.sources import ALL

CONFIGURATION = "rapport.yml"
FORMATS = ("csv", "json", "ndjson", "parquet")
COMMERCE_TABLES = (
    "shopify_orders",
    "generic_orders",
    "generic_order_lines",
    "generic_payments",
)


class SettingsError(ValueError):
    """``rapport.yml`` cannot be followed; the message names file, key, cause and next step."""


@dataclass(frozen=True)
class Dialect:
    """How a delimited text file is written."""

    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class FileMapping:
    """How the files of one pattern become rows of one contract.

    ``declared`` names the columns that rapport.yml itself maps; the other rules are the contract's.
    """

    contract: ObjectContract
    patterns: tuple[str, ...]
    format: str | None
    dialect: Dialect
    zone: str
    records: str | None
    filter: tuple[Condition, ...]
    rules: Mapping[str, ColumnRule]
    declared: tuple[str, ...]
    mode: str
    key: tuple[str, ...]
    version: str

    def requires(self, column: Column) -> bool:
        """Whether a row without a value in the column is no record."""
        return column.required or (column.required_where_mapped and column.name in self.rules)

    def fields(self) -> tuple[str, ...]:
        """All field paths that rules and filter read, each once."""
        paths = [path for rule in self.rules.values() for path in rule.fields()]
        return tuple(dict.fromkeys([*paths, *(condition.field for condition in self.filter)]))

    def reading_text(self) -> str:
        """Everything that decides how bytes become rows: when it changes, deliveries are read
        again.

        Patterns, mode and version are not in it: they decide which files and which rows count, not
        what a row says.
        """
        return repr(
            (
                self.contract.facts(),
                self.format,
                self.dialect,
                self.records,
                self.filter,
                sorted(self.rules.items()),
                self.key if "occurrence" in self.key else (),
            )
        )

    def fingerprint(self) -> str:
        """A hash of everything in the mapping that decides results (16 hex digits)."""
        text = repr((self.reading_text(), self.patterns, self.mode, self.key, self.version))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class SourceSettings:
    """One source instance of ``rapport.yml``."""

    name: str
    vendor: str
    path: str
    id_space: str
    required: bool
    files: tuple[FileMapping, ...]

    @property
    def is_commerce(self) -> bool:
        """Does this instance deliver orders itself, so that web analytics must not?"""
        return any(file.contract.table in COMMERCE_TABLES for file in self.files)


@dataclass(frozen=True)
class Settings:
    """A data home and what its ``rapport.yml`` says."""

    home: Path
    reporting_currency: str
    time_zone: str
    margin: float
    discount_rate: float
    horizon_months: int
    sources: tuple[SourceSettings, ...]
    identity_decisions: tuple[Decision, ...]
    configuration_sha256: str

    def source(self, name: str) -> SourceSettings:
        """The source instance called ``name``; SettingsError names the ones there are."""
        for source in self.sources:
            if source.name == name:
                return source
        names = [source.name for source in self.sources]
        raise SettingsError(
            f"{self.home / CONFIGURATION}: no source {name!r}; {nearest(name, names)}"
        )


def home() -> Path:
    """The data folder: ``RAPPORT_HOME``, by default ``./data``."""
    return Path(os.environ.get("RAPPORT_HOME", "data")).absolute()


def exports() -> str:
    """Where exports lie: ``RAPPORT_EXPORTS`` (folder or fsspec URL), by default
    ``<home>/exports``.
    """
    return os.environ.get("RAPPORT_EXPORTS") or str(home() / "exports")


def as_of() -> date | None:
    """The run's day where somebody asked for one (``RAPPORT_AS_OF``); None: the latest day with
    data.
    """
    text = os.environ.get("RAPPORT_AS_OF")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"RAPPORT_AS_OF: {text!r} is not a date like 2026-06-30") from None


def realdata() -> Path:
    """Where other people's data sets lie for the `realdata` tests: ``RAPPORT_REALDATA``."""
    default = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("RAPPORT_REALDATA", default))


def source_names(home: Path) -> tuple[str, ...]:
    """The configured source instances, sorted; empty where there is no ``rapport.yml`` yet."""
    if not (home / CONFIGURATION).exists():
        return ()
    return tuple(sorted(source.name for source in load(home).sources))


def load(home: Path) -> Settings:
    """Read ``<home>/rapport.yml``. Raises SettingsError at the first thing that cannot be
    followed.
    """
    path = home / CONFIGURATION
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: not found. Write one (docs/mapping.md), or let "
            "`rapport sources detect DIR` recognise your exports and propose one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        document = yaml.load(text, Loader=_Texts)  # noqa: S506 - builds texts, lists and mappings only
        return _settings(home, document, hashlib.sha256(text.encode()).hexdigest())
    except (
        yaml.YAMLError,
        SettingsError,
        MappingError,
        DecisionError,
        RecursionError,
    ) as error:
        raise SettingsError(f"{path}: {error}") from None


class _Texts(yaml.BaseLoader):
    """Every scalar is the text that stands there; a key that stands twice is an error, not the last
    one wins.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping with texts as keys, each once."""
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise SettingsError(f"line {line}: a key must be a text")
            if key.value in seen:
                raise SettingsError(f"line {line}: key {key.value!r} stands here a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_TOP = ("reporting_currency", "time_zone", "sources", "lifetime_value", "identity")
_IDENTITY = ("decisions",)
_LIFETIME = ("margin", "discount_rate", "horizon_months")
_SOURCE = ("vendor", "path", "id_space", "required", "zone", "files")
_FILE = (
    "contract",
    "pattern",
    "format",
    "dialect",
    "zone",
    "records",
    "filter",
    "mode",
    "key",
    "version",
    "columns",
)
_DIALECT = ("delimiter", "quote", "decimal", "thousands", "encoding")


def _settings(home: Path, document: Any, digest: str) -> Settings:
    _keys("the file", document, _TOP)
    for needed in ("reporting_currency", "time_zone", "sources"):
        if not document.get(needed):
            raise SettingsError(f"lacks {needed}")
    currency = text_of("reporting_currency", document["reporting_currency"])
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise SettingsError(f"reporting_currency: {currency!r} is not an ISO 4217 code like NOK")
    value = _section("lifetime_value", document.get("lifetime_value"), _LIFETIME)
    sources = document["sources"]
    if not isinstance(sources, Mapping):
        raise SettingsError(f"sources: expected source instances by name, found {sources!r}")
    months = _number("lifetime_value.horizon_months", value.get("horizon_months", "36"), 1, 600)
    if months != int(months):
        raise SettingsError("lifetime_value.horizon_months: whole months, please")
    return Settings(
        home=home,
        reporting_currency=currency,
        time_zone=time_zone("time_zone", document["time_zone"]),
        margin=_number("lifetime_value.margin", value.get("margin", "1"), 0, 1),
        discount_rate=_number(
            "lifetime_value.discount_rate", value.get("discount_rate", "0.10"), 0, 10
        ),
        horizon_months=int(months),
        sources=tuple(_source(name, body) for name, body in sources.items()),
        identity_decisions=_decisions(home, document.get("identity")),
        configuration_sha256=digest,
    )


def _decisions(home: Path, given: Any) -> tuple[Decision, ...]:
    """The user's decisions on who is one customer, where a file of them is named."""
    section = _section("identity", given, _IDENTITY)
    if "decisions" not in section:
        return ()
    return read_decisions(home / text_of("identity.decisions", section["decisions"]))


def _source(name: str, given: Any) -> SourceSettings:
    where = f"sources.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise SettingsError(f"{where}: a source is named in lower case, digits and underscores")
    body = _section(where, given, _SOURCE)
    vendor = text_of(f"{where}.vendor", body.get("vendor", "generic" if "files" in body else name))
    if vendor not in ALL:
        raise SettingsError(
            f"{where}: no vendor {vendor!r}; {nearest(vendor, ALL)}. "
            "An export of any other system is taken in with vendor: generic (docs/mapping.md)"
        )
    zone = time_zone(f"{where}.zone", body.get("zone", "UTC"))
    return SourceSettings(
        name=name,
        vendor=vendor,
        path=text_of(f"{where}.path", body.get("path", name)),
        id_space=text_of(f"{where}.id_space", body.get("id_space", name)),
        required=_flag(f"{where}.required", body.get("required", "true")),
        files=_files(where, vendor, zone, body),
    )


def _files(where: str, vendor: str, zone: str, body: Mapping[str, Any]) -> tuple[FileMapping, ...]:
    exports = {f"{vendor}_{export.object}": export for export in ALL[vendor].objects}
    if "files" in body:
        entries = body["files"]
    elif vendor == "generic":
        raise SettingsError(f"{where}: a generic source needs files (docs/mapping.md)")
    else:
        entries = [{"contract": table} for table in exports]
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{where}.files: a list with at least one entry is needed")
    files = tuple(
        _file(f"{where}.files[{number}]", entry, exports, zone)
        for number, entry in enumerate(entries, 1)
    )
    _check_agreement(where, files)
    return files


def _file(
    where: str, entry: Any, exports: Mapping[str, ObjectExport], source_zone: str
) -> FileMapping:
    _keys(where, entry, _FILE)
    table = text_of(f"{where}.contract", entry.get("contract", ""))
    if table not in exports:
        raise SettingsError(f"{where}.contract: no {table!r}; {nearest(table, exports)}")
    export, contract = exports[table], load_contracts()[table]
    zone = time_zone(f"{where}.zone", entry.get("zone", source_zone))
    names = [column.name for column in contract.columns]
    columns = _section(f"{where}.columns", entry.get("columns"), names)
    if contract.vendor == "generic" and not columns:
        raise SettingsError(f"{where}.columns: say which field feeds which column of {table}")
    rules = _rules(f"{where}.columns", contract, columns, zone)
    patterns = texts_of(f"{where}.pattern", entry.get("pattern", export.patterns))
    if not all(patterns) or not patterns:
        raise SettingsError(f'{where}.pattern: say which files, e.g. "orders_*.csv"')
    records = entry.get("records", export.records)
    mode, key, version = _replacement(where, entry, contract, rules)
    return FileMapping(
        contract=contract,
        patterns=patterns,
        format=_choice(f"{where}.format", entry.get("format"), FORMATS),
        dialect=_dialect(f"{where}.dialect", entry.get("dialect")),
        zone=zone,
        records=None if records is None else text_of(f"{where}.records", records),
        filter=parse_filter(f"{where}.filter", entry["filter"]) if "filter" in entry else (),
        rules=rules,
        declared=tuple(columns),
        mode=mode,
        key=key,
        version=version,
    )


def _rules(
    where: str, contract: ObjectContract, columns: Mapping[str, Any], zone: str
) -> dict[str, ColumnRule]:
    rules = {}
    for column in contract.columns:
        if column.name in columns:
            rules[column.name] = parse_column(
                f"{where}.{column.name}", column, columns[column.name], zone
            )
        elif rule := contract_rule(column, zone):
            rules[column.name] = rule
        elif column.required:
            raise SettingsError(f"{where}: {contract.table} needs {column.name} ({column.meaning})")
        if column.type == "choice" and column.name in rules:
            _check_choice(f"{where}.{column.name}", rules[column.name], column.values)
    return rules


def _check_choice(where: str, rule: ColumnRule, values: Sequence[str]) -> None:
    """A text that rapport.yml itself puts into a choice must be one of its values."""
    for text in rule.texts():
        if text.lower() not in values:
            raise SettingsError(f"{where}: {text!r} is no value; {nearest(text, values)}")


def _replacement(
    where: str,
    entry: Mapping[str, Any],
    contract: ObjectContract,
    rules: Mapping[str, ColumnRule],
) -> tuple[str, tuple[str, ...], str]:
    """Mode, key and version: how later rows replace earlier ones."""
    names = [column.name for column in contract.columns]
    mode = _choice(f"{where}.mode", entry.get("mode", contract.mode), MODES) or contract.mode
    key = texts_of(f"{where}.key", entry.get("key", contract.key))
    if mode == "upsert" and not key:
        raise SettingsError(f"{where}: mode upsert needs key, the columns that identify a row")
    for name in key:
        if name not in (*names, "occurrence"):
            raise SettingsError(f"{where}.key: no column {name!r}; {nearest(name, names)}")
        if "key" in entry and name not in (*rules, "occurrence"):
            raise SettingsError(f"{where}.key: {name} is not mapped. Map it under columns")
    is_filled = contract.version in VERSIONS or contract.version in rules
    version = text_of(
        f"{where}.version", entry.get("version", contract.version if is_filled else "file_name")
    )
    if version not in (*VERSIONS, *rules):
        known = (*VERSIONS, *rules)
        raise SettingsError(f"{where}.version: no {version!r}; {nearest(version, known)}")
    return mode, key if mode == "upsert" else (), version


def _dialect(where: str, given: Any) -> Dialect:
    body = {
        name: text_of(f"{where}.{name}", value)
        for name, value in _section(where, given, _DIALECT).items()
    }
    dialect = Dialect(**body)
    for name in ("delimiter", "quote", "decimal", "thousands"):
        mark = getattr(dialect, name)
        empty_is_fine = name in ("quote", "thousands")
        if not (mark == "" and empty_is_fine) and (len(mark) != 1 or mark in "\r\n\0"):
            raise SettingsError(
                f'{where}.{name}: {mark!r} is not one character (a tab is written "\\t")'
            )
    if not dialect.delimiter.isascii() or not dialect.quote.isascii():
        raise SettingsError(f"{where}: delimiter and quote must be ASCII characters")
    if dialect.delimiter == dialect.quote or dialect.decimal == dialect.thousands:
        raise SettingsError(f"{where}: one character cannot have two meanings")
    try:
        "x".encode(dialect.encoding)
    except (LookupError, ValueError):
        raise SettingsError(
            f"{where}.encoding: no text encoding {dialect.encoding!r}; "
            f"{nearest(dialect.encoding, ('utf-8', 'latin-1', 'cp1252', 'utf-16'))}"
        ) from None
    return dialect


def _check_agreement(where: str, files: Sequence[FileMapping]) -> None:
    """Files of one contract fill one table: they must replace rows in one way, and no row must
    count twice.
    """
    first: dict[str, FileMapping] = {}
    for number, file in enumerate(files, 1):
        table = file.contract.table
        other = first.setdefault(table, file)
        if (file.mode, file.key, file.version) != (other.mode, other.key, other.version):
            raise SettingsError(
                f"{where}.files: entries of contract {table} differ in mode, key or "
                "version. Give them the same, or make two source instances"
            )
        for earlier in files[: number - 1]:
            if (
                earlier.contract.table == table
                and set(earlier.patterns) & set(file.patterns)
                and earlier.filter == file.filter
            ):
                raise SettingsError(
                    f"{where}.files[{number}]: reads the same files into {table} as an entry "
                    "above, so every row would count twice. Give each its filter"
                )


def _section(where: str, given: Any, known: Iterable[str]) -> Mapping[str, Any]:
    """A part of the file that may be left out or empty."""
    if given is None or given == "":
        return {}
    _keys(where, given, known)
    checked: Mapping[str, Any] = given
    return checked


def _keys(where: str, given: Any, known: Iterable[str]) -> None:
    known = list(known)
    if not isinstance(given, Mapping):
        raise SettingsError(f"{where}: expected keys ({', '.join(known)}), found {given!r}")
    for key in given:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}; {nearest(key, known)}")


def _choice(where: str, given: Any, known: Sequence[str]) -> str | None:
    if given is None:
        return None
    text = text_of(where, given)
    if text not in known:
        raise SettingsError(f"{where}: no {text!r}; {nearest(text, known)}")
    return text


def _flag(where: str, given: Any) -> bool:
    text = text_of(where, given).lower()
    if text not in ("true", "false", "yes", "no"):
        raise SettingsError(f"{where}: {text!r} is neither true nor false")
    return text in ("true", "yes")


def _number(where: str, given: Any, low: int, high: int) -> float:
    text = text_of(where, given)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise SettingsError(f"{where}: {text!r} is not a number") from None
    if not number.is_finite() or not low <= number <= high:
        raise SettingsError(f"{where}: {text} is not between {low} and {high}")
    return float(number)


def source_root(exports: str, path: str) -> str:
    """The folder or fsspec URL that a source's ``path`` means, below ``exports`` unless
    absolute.
    """
    if "://" in path or Path(path).is_absolute():
        return path
    return f"{exports.rstrip('/')}/{path}" if "://" in exports else str(Path(exports, path))


def configuration_text(settings: Settings) -> str:
    """What of the configuration changes results, as canonical JSON: for fingerprints."""
    return json.dumps(
        {
            "reporting_currency": settings.reporting_currency,
            "time_zone": settings.time_zone,
            "margin": settings.margin,
            "discount_rate": settings.discount_rate,
            "horizon_months": settings.horizon_months,
            "sources": [
                [source.name, source.vendor, source.id_space, source.required]
                + [file.fingerprint() for file in source.files]
                for source in settings.sources
            ],
            "identity_decisions": sorted(
                [item.decision, item.left, item.right] for item in settings.identity_decisions
            ),
        },
        sort_keys=True,
    )
