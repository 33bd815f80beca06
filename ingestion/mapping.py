"""The mapping language of ``rapport.yml``: how a field of an export becomes a column of a contract.

It is bounded on purpose: nothing in it executes. docs/mapping.md is its reference. A rule may name a field (or
several: the first that is not empty wins), a constant, a value map, a map by prefix, a default, a time format, a
time counted from a start, or an id generated from fields.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.contract import Column

EPOCHS = ("epoch_seconds", "epoch_milliseconds", "epoch_microseconds")
RELATIVE_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

_RULE = (
    "from",
    "constant",
    "map",
    "map_prefix",
    "default",
    "format",
    "relative",
    "zone",
    "generate",
)


class MappingError(ValueError):
    """A rule of ``rapport.yml`` cannot be followed; the message names key, cause and next step."""


@dataclass(frozen=True)
class ColumnRule:
    """Where one column's text comes from and how it is read."""

    paths: tuple[str, ...] = ()
    constant: str | None = None
    generate: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    default: str | None = None
    format: str | None = None
    zone: str | None = None
    relative_seconds: int | None = None
    relative_start: str | None = None
    null_values: tuple[str, ...] = ()
    computed: tuple[str, str] | None = None


@dataclass(frozen=True)
class Filter:
    """Rows to keep: every named field is one of (or none of) the texts."""

    conditions: tuple[tuple[str, bool, tuple[str, ...]], ...]


def parse_column(where: str, column: Column, columns: Mapping[str, Any]) -> ColumnRule:
    """The rule for ``column``: what ``columns`` says, or else what its contract says."""
    computed = _computed(column)
    if column.name not in columns:
        return ColumnRule(
            paths=column.paths,
            format=column.format,
            null_values=column.null_values,
            computed=computed,
        )
    body = columns[column.name]
    if isinstance(body, str | list):
        body = {"from": body}
    if not isinstance(body, Mapping):
        raise MappingError(f"{where}: expected a field name or a rule, found {body!r}")
    for key in body:
        if key not in _RULE:
            raise MappingError(f"{where}: unknown key {key!r}; {_nearest(str(key))}")
    sources = [key for key in ("from", "constant", "generate") if key in body]
    if len(sources) != 1:
        raise MappingError(f"{where}: needs exactly one of from, constant, generate")
    if "generate" in body and column.type != "id":
        raise MappingError(f"{where}: generate makes ids, but {column.name} is {column.type}")
    timed = column.type in ("timestamp", "date")
    for key in ("format", "relative", "zone"):
        if key in body and not timed:
            raise MappingError(f"{where}.{key}: only for times, but {column.name} is {column.type}")
    seconds, start = _relative(where, body.get("relative"))
    return ColumnRule(
        paths=_texts(where, body.get("from", ())),
        constant=_text(body.get("constant")),
        generate=_texts(where, body.get("generate", ())),
        values=_pairs(f"{where}.map", body.get("map", {})),
        prefixes=_pairs(f"{where}.map_prefix", body.get("map_prefix", {})),
        default=_text(body.get("default")),
        format=body.get("format", column.format if timed and column.paths else None),
        zone=body.get("zone"),
        relative_seconds=seconds,
        relative_start=start,
        null_values=column.null_values,
        computed=computed,
    )


def parse_filter(where: str, body: Any) -> Filter | None:
    """``{field: text}``, ``{field: [texts]}`` or ``{field: {not: [texts]}}``; None keeps all rows."""
    if body is None:
        return None
    if not isinstance(body, Mapping) or not body:
        raise MappingError(f"{where}: expected field: value(s), found {body!r}")
    conditions = []
    for field, wanted in body.items():
        keep = True
        if isinstance(wanted, Mapping):
            if set(wanted) != {"not"}:
                raise MappingError(f"{where}.{field}: the only word allowed here is not")
            keep, wanted = False, wanted["not"]
        conditions.append((str(field), keep, _texts(f"{where}.{field}", wanted)))
    return Filter(tuple(conditions))


def _computed(column: Column) -> tuple[str, str] | None:
    if column.computed is None:
        return None
    left, _, right = column.computed.partition("_times_")
    return left, right


def _relative(where: str, body: Any) -> tuple[int | None, str | None]:
    if body is None:
        return None, None
    if not isinstance(body, Mapping) or set(body) != {"unit", "start"}:
        raise MappingError(f"{where}.relative: needs unit and start, found {body!r}")
    if body["unit"] not in RELATIVE_UNITS:
        raise MappingError(
            f"{where}.relative.unit: {body['unit']!r} is none of {', '.join(RELATIVE_UNITS)}"
        )
    return RELATIVE_UNITS[body["unit"]], str(body["start"])


def _texts(where: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, Mapping | list) for item in values):
        raise MappingError(f"{where}: expected a text or a list of texts, found {value!r}")
    return tuple(_text(item) or "" for item in values)


def _pairs(where: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise MappingError(f"{where}: expected text: text, found {value!r}")
    return tuple((_text(key) or "", _text(item) or "") for key, item in value.items())


def _text(value: Any) -> str | None:
    # YAML reads yes and 2024 as other things than text; exports hold text.
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, _RULE, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(_RULE)}"
