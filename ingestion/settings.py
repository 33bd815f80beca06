"""Settings: the data home, ``rapport.yml`` and nothing else. The only module that reads the environment.

``rapport.yml`` lies in the data home. It names the reporting currency, the company's time zone and the source
instances; docs/mapping.md fixes every key. A key that is not known is an error that names the nearest right one.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ingestion.contract import MODES, VERSIONS, ObjectContract, load_contracts
from ingestion.mapping import ColumnRule, Filter, MappingError, parse_column, parse_filter

CONFIGURATION = "rapport.yml"
FORMATS = ("csv", "json", "ndjson", "parquet")


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
    """How the files of one pattern become rows of one contract."""

    contract: ObjectContract
    patterns: tuple[str, ...]
    format: str | None
    dialect: Dialect
    zone: str
    records: str | None
    filter: Filter | None
    rules: Mapping[str, ColumnRule]
    mode: str
    key: tuple[str, ...]
    version: str

    def fingerprint(self) -> str:
        """A hash of everything that decides how bytes become rows (16 hex digits)."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


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


COMMERCE_TABLES = ("shopify_orders", "generic_orders", "generic_order_lines")


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
    configuration_sha256: str

    def source(self, name: str) -> SourceSettings:
        """The source instance called ``name``; SettingsError names the ones there are."""
        for source in self.sources:
            if source.name == name:
                return source
        names = [source.name for source in self.sources]
        raise SettingsError(
            f"{self.home / CONFIGURATION}: no source {name!r}; {_nearest(name, names)}"
        )


def home() -> Path:
    """The data folder: ``RAPPORT_HOME``, by default ``./data``."""
    return Path(os.environ.get("RAPPORT_HOME", "data")).absolute()


def exports() -> str:
    """Where exports lie: ``RAPPORT_EXPORTS`` (folder or fsspec URL), by default ``<home>/exports``."""
    return os.environ.get("RAPPORT_EXPORTS") or str(home() / "exports")


def as_of() -> date | None:
    """The run's day where somebody asked for one (``RAPPORT_AS_OF``); None: the latest day with data."""
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
    """Read ``<home>/rapport.yml``. Raises SettingsError at the first thing that cannot be followed."""
    path = home / CONFIGURATION
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: not found. Write one (docs/mapping.md), or let "
            "`rapport sources detect DIR` recognise your exports and propose one"
        ) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {error}") from None
    try:
        return _settings(home, document, hashlib.sha256(text.encode()).hexdigest())
    except (SettingsError, MappingError) as error:
        raise SettingsError(f"{path}: {error}") from None


_TOP = ("reporting_currency", "time_zone", "sources", "lifetime_value")
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
        if needed not in document:
            raise SettingsError(f"lacks {needed}")
    currency = str(document["reporting_currency"])
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise SettingsError(f"reporting_currency: {currency!r} is not an ISO 4217 code like NOK")
    zone = _zone("time_zone", str(document["time_zone"]))
    value = document.get("lifetime_value") or {}
    _keys("lifetime_value", value, _LIFETIME)
    sources = document["sources"]
    if not isinstance(sources, Mapping) or not sources:
        raise SettingsError("sources: name at least one source instance")
    return Settings(
        home=home,
        reporting_currency=currency,
        time_zone=zone,
        margin=float(value.get("margin", 1)),
        discount_rate=float(value.get("discount_rate", 0.10)),
        horizon_months=int(value.get("horizon_months", 36)),
        sources=tuple(_source(str(name), body or {}) for name, body in sources.items()),
        configuration_sha256=digest,
    )


def _source(name: str, body: Mapping[str, Any]) -> SourceSettings:
    where = f"sources.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise SettingsError(f"{where}: a source is named in lower case, digits and underscores")
    _keys(where, body, _SOURCE)
    vendor = str(body.get("vendor", "generic" if "files" in body else name))
    contracts = load_contracts()
    vendors = sorted({contract.vendor for contract in contracts.values()})
    if vendor not in vendors:
        raise SettingsError(
            f"{where}: no vendor {vendor!r}; {_nearest(vendor, vendors)}. "
            "An export of any other system is taken in with vendor: generic (docs/mapping.md)"
        )
    zone = _zone(f"{where}.zone", str(body.get("zone", "UTC")))
    files = _files(where, vendor, zone, body.get("files"), contracts)
    return SourceSettings(
        name=name,
        vendor=vendor,
        path=str(body.get("path", name)),
        id_space=str(body.get("id_space", name)),
        required=bool(body.get("required", True)),
        files=files,
    )


def _files(
    where: str, vendor: str, zone: str, entries: Any, contracts: Mapping[str, ObjectContract]
) -> tuple[FileMapping, ...]:
    # Imported here because a vendor's facts are data about contracts, not about settings.
    from ingestion.sources import ALL

    defaults = {f"{vendor}_{export.object}": export for export in ALL[vendor].objects}
    if entries is None:
        if vendor == "generic":
            raise SettingsError(f"{where}: a generic source needs files (docs/mapping.md)")
        entries = [{"contract": table} for table in defaults]
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{where}.files: a list with at least one entry is needed")
    files = []
    for number, entry in enumerate(entries, 1):
        here = f"{where}.files[{number}]"
        _keys(here, entry, _FILE)
        table = str(entry.get("contract", ""))
        if table not in defaults:
            raise SettingsError(f"{here}.contract: no {table!r}; {_nearest(table, defaults)}")
        export = defaults[table]
        contract = contracts[table]
        columns = entry.get("columns") or {}
        names = [column.name for column in contract.columns]
        _keys(f"{here}.columns", columns, names)
        if vendor == "generic" and not columns:
            raise SettingsError(f"{here}.columns: say which field feeds which column of {table}")
        rules = {
            column.name: parse_column(f"{here}.columns.{column.name}", column, columns)
            for column in contract.columns
            if column.name in columns or column.paths or column.computed
        }
        for column in contract.columns:
            if column.required and column.name not in rules:
                raise SettingsError(
                    f"{here}.columns: {table} needs {column.name} ({column.meaning})"
                )
        pattern = entry.get("pattern", export.patterns)
        patterns = (pattern,) if isinstance(pattern, str) else tuple(pattern)
        if not patterns:
            raise SettingsError(f'{here}.pattern: say which files, e.g. "orders_*.csv"')
        mode = str(entry.get("mode", contract.mode))
        if mode not in MODES:
            raise SettingsError(f"{here}.mode: no {mode!r}; {_nearest(mode, MODES)}")
        key = _names(f"{here}.key", entry.get("key", contract.key), [*names, "occurrence"])
        if mode == "upsert" and not key:
            raise SettingsError(f"{here}: mode upsert needs key, the columns that identify a row")
        version = str(entry.get("version", _version(contract, rules)))
        _names(f"{here}.version", [version], [*names, *VERSIONS])
        declared = str(entry.get("format", "")) or None
        if declared and declared not in FORMATS:
            raise SettingsError(f"{here}.format: no {declared!r}; {_nearest(declared, FORMATS)}")
        dialect = entry.get("dialect") or {}
        _keys(f"{here}.dialect", dialect, _DIALECT)
        files.append(
            FileMapping(
                contract=contract,
                patterns=patterns,
                format=declared,
                dialect=Dialect(**{name: str(value) for name, value in dialect.items()}),
                zone=_zone(f"{here}.zone", str(entry.get("zone", zone))),
                records=entry.get("records", export.records),
                filter=parse_filter(f"{here}.filter", entry.get("filter")),
                rules=rules,
                mode=mode,
                key=key if mode == "upsert" else (),
                version=version,
            )
        )
    _check_agreement(where, files)
    return tuple(files)


def _check_agreement(where: str, files: Iterable[FileMapping]) -> None:
    """Files of one contract fill one table, so they must replace each other's rows in the same way."""
    first: dict[str, FileMapping] = {}
    for file in files:
        other = first.setdefault(file.contract.table, file)
        if (file.mode, file.key, file.version) != (other.mode, other.key, other.version):
            raise SettingsError(
                f"{where}.files: entries of contract {file.contract.table} differ in mode, key or "
                "version. Give them the same, or make two source instances"
            )


def _version(contract: ObjectContract, rules: Mapping[str, ColumnRule]) -> str:
    """The contract's version column, where the mapping feeds it; else the file's name decides."""
    if contract.version in VERSIONS or contract.version in rules:
        return contract.version
    return "file_name"


def _names(where: str, given: Any, known: Iterable[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    known = list(known)
    for name in names:
        if name not in known:
            raise SettingsError(f"{where}: no column {name!r}; {_nearest(str(name), known)}")
    return names


def _keys(where: str, given: Any, known: Iterable[str]) -> None:
    known = list(known)
    if not isinstance(given, Mapping):
        raise SettingsError(f"{where}: expected keys ({', '.join(known)}), found {given!r}")
    for key in given:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}; {_nearest(str(key), known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    known = [str(item) for item in known]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(known)}"


def _zone(where: str, name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        near = _nearest(name, sorted(zoneinfo.available_timezones()))
        raise SettingsError(f"{where}: no time zone {name!r}; {near}") from None
    return name


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
        },
        sort_keys=True,
    )


def source_root(exports: str, path: str) -> str:
    """The folder or fsspec URL that a source's ``path`` means, below ``exports`` unless it is absolute."""
    if "://" in path or Path(path).is_absolute():
        return path
    return f"{exports.rstrip('/')}/{path}" if "://" in exports else str(Path(exports, path))
