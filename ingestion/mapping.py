"""The mapping language of ``rapport.yml``: how a field of an export becomes a column of a contract.

It is bounded on purpose: nothing in it executes. docs/mapping.md is its reference. A rule may name
a field (or several: the first that is not empty wins), a constant, a value map, a map by prefix, a
default, a time format, a time counted from a start, or an id generated from fields.
"""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingestion.contract import Column
from ingestion.timestamps import NotATime, is_pattern, parse_iso

# Microseconds in one unit of a counted time.
EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000, "epoch_microseconds": 1}
RELATIVE_UNITS = {
    "seconds": 1_000_000,
    "minutes": 60_000_000,
    "hours": 3_600_000_000,
    "days": 86_400_000_000,
}

_SOURCES = ("from", "constant", "generate")
_REWRITES = ("map", "map_prefix", "default")
_TIMED = ("format", "relative", "zone")
_RULE = (*_SOURCES, *_REWRITES, *_TIMED)


class MappingError(ValueError):
    """A rule of ``rapport.yml`` cannot be followed; the message names key, cause and next step."""


@dataclass(frozen=True)
class ColumnRule:
    """Where one column's text comes from and how it is read.

    ``zone`` is where times without offset are; ``relative_start`` is naive UTC,
    ``unit_microseconds`` the unit that is counted from it or, without a start, from 1970.
    """

    paths: tuple[str, ...] = ()
    constant: str | None = None
    generate: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    default: str | None = None
    format: str | None = None
    zone: str = "UTC"
    unit_microseconds: int | None = None
    relative_start: datetime | None = None
    null_values: tuple[str, ...] = ()
    computed: tuple[str, str] | None = None

    def fields(self) -> tuple[str, ...]:
        """All field paths that the rule reads."""
        return (*self.paths, *self.generate)

    def texts(self) -> tuple[str, ...]:
        """All texts that rapport.yml puts into the column by itself."""
        own = (self.constant, self.default, *(new for _, new in (*self.values, *self.prefixes)))
        return tuple(text for text in own if text)


@dataclass(frozen=True)
class Condition:
    """Keep rows whose field is one of the texts (or, without ``keep``, none of them)."""

    field: str
    keep: bool
    texts: tuple[str, ...]


def contract_rule(column: Column, zone: str) -> ColumnRule | None:
    """How the contract itself says that ``column`` is filled; None where it does not."""
    if not column.paths and not column.computed:
        return None
    return ColumnRule(
        paths=column.paths,
        format=_pattern(column.format),
        zone=zone,
        unit_microseconds=EPOCHS.get(column.format or ""),
        null_values=column.null_values,
        computed=_computed(column),
    )


def parse_column(where: str, column: Column, body: Any, zone: str) -> ColumnRule:
    """The rule that ``rapport.yml`` gives for ``column``; ``zone`` is that of its file."""
    if isinstance(body, str | list):
        body = {"from": body}
    if not isinstance(body, Mapping):
        raise MappingError(f"{where}: expected a field name or a rule, found {body!r}")
    _check_rule(where, column, body)
    zone = time_zone(f"{where}.zone", body["zone"]) if "zone" in body else zone
    pattern = text_of(f"{where}.format", body["format"]) if "format" in body else column.format
    _check_format(f"{where}.format", pattern)
    unit, start = _relative(f"{where}.relative", body.get("relative"), zone)
    return ColumnRule(
        paths=_field_names(f"{where}.from", body.get("from", ())),
        constant=text_of(f"{where}.constant", body["constant"]) if "constant" in body else None,
        generate=_field_names(f"{where}.generate", body.get("generate", ())),
        values=_pairs(f"{where}.map", body.get("map", {})),
        prefixes=_pairs(f"{where}.map_prefix", body.get("map_prefix", {})),
        default=text_of(f"{where}.default", body["default"]) if "default" in body else None,
        format=_pattern(pattern),
        zone=zone,
        unit_microseconds=unit or EPOCHS.get(pattern or ""),
        relative_start=start,
        null_values=column.null_values,
        computed=_computed(column),
    )


def parse_filter(where: str, body: Any) -> tuple[Condition, ...]:
    """``{field: text}``, ``{field: [texts]}`` or ``{field: {not: [texts]}}``; all conditions must
    hold.
    """
    if not isinstance(body, Mapping) or not body:
        raise MappingError(f"{where}: expected field: value(s), found {body!r}")
    conditions = []
    for field, wanted in body.items():
        is_negated = isinstance(wanted, Mapping)
        if is_negated and set(wanted) != {"not"}:
            raise MappingError(f"{where}.{field}: the only word allowed here is not")
        texts = texts_of(f"{where}.{field}", wanted["not"] if is_negated else wanted)
        conditions.append(Condition(field, not is_negated, texts))
    return tuple(conditions)


def text_of(where: str, value: Any) -> str:
    """A single text; MappingError for lists and mappings."""
    if not isinstance(value, str):
        raise MappingError(f"{where}: expected a text, found {value!r}")
    return value


def texts_of(where: str, value: Any) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple; MappingError for anything else."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(text_of(where, item) for item in values)


def time_zone(where: str, name: Any) -> str:
    """An IANA time zone; MappingError names the nearest one."""
    text = text_of(where, name)
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(text, sorted(zoneinfo.available_timezones() - {"localtime"}))
        raise MappingError(f"{where}: no time zone {text!r}; {near}") from None
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or what there is."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    more = ", …" if len(known) > 60 else ""
    return f"there is: {', '.join(known[:60])}{more}"


def _check_rule(where: str, column: Column, body: Mapping[str, Any]) -> None:
    for key in body:
        if key not in _RULE:
            raise MappingError(f"{where}: unknown key {key!r}; {nearest(key, _RULE)}")
    sources = [key for key in _SOURCES if key in body]
    if len(sources) != 1:
        raise MappingError(f"{where}: needs exactly one of {', '.join(_SOURCES)}")
    if "generate" in body and column.type != "id":
        raise MappingError(f"{where}: generate makes ids, but {column.name} is {column.type}")
    for key in _REWRITES:
        if key in body and "from" not in body:
            raise MappingError(f"{where}.{key}: only beside from, but here stands {sources[0]}")
    if "map" in body and "map_prefix" in body:
        raise MappingError(f"{where}: needs one of map and map_prefix, not both")
    for key in _TIMED:
        if key in body and column.type not in ("timestamp", "date"):
            raise MappingError(f"{where}.{key}: only for times, but {column.name} is {column.type}")
    if "relative" in body and ("format" in body or column.type == "date"):
        raise MappingError(f"{where}.relative: only for timestamps, and not beside format")


def _check_format(where: str, pattern: str | None) -> None:
    if pattern is None or pattern in EPOCHS or is_pattern(pattern):
        return
    raise MappingError(
        f"{where}: {pattern!r} is neither a strptime pattern with a year, like '%d.%m.%Y %H:%M', "
        f"nor one of {', '.join(EPOCHS)}"
    )


def _pattern(text: str | None) -> str | None:
    return None if text in EPOCHS else text


def _computed(column: Column) -> tuple[str, str] | None:
    if column.computed is None:
        return None
    left, _, right = column.computed.partition("_times_")
    return left, right


def _relative(where: str, body: Any, zone: str) -> tuple[int | None, datetime | None]:
    if body is None:
        return None, None
    if not isinstance(body, Mapping) or set(body) != {"unit", "start"}:
        raise MappingError(f"{where}: needs unit and start, found {body!r}")
    unit = text_of(f"{where}.unit", body["unit"])
    if unit not in RELATIVE_UNITS:
        raise MappingError(f"{where}.unit: no {unit!r}; {nearest(unit, RELATIVE_UNITS)}")
    start = text_of(f"{where}.start", body["start"])
    try:
        return RELATIVE_UNITS[unit], parse_iso(start, zone)
    except NotATime:
        raise MappingError(
            f"{where}.start: {start!r} is no time like 2018-01-01T00:00:00Z"
        ) from None


def _field_names(where: str, value: Any) -> tuple[str, ...]:
    names = texts_of(where, value)
    for name in names:
        if not name or any(ord(character) < 32 and character != "\t" for character in name):
            raise MappingError(f"{where}: {name!r} is no field name")
    return names


def _pairs(where: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise MappingError(f"{where}: expected text: text, found {value!r}")
    return tuple((key, text_of(f"{where}.{key}", item)) for key, item in value.items())
