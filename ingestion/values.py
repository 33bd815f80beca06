"""Values: the texts of a column become typed values. A text that does not fit gets a reason, never
a guess.

Each distinct text of a batch is read once. Reasons say what is wrong, never the text: it may be
personal data.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import MONEY, RATE, UTC_TIMESTAMP, Column
from ingestion.mapping import ColumnRule
from ingestion.personal_data import Keyring
from ingestion.settings import Dialect
from ingestion.timestamps import (
    EARLIEST,
    LATEST,
    NotATime,
    checked,
    parse_iso,
    parse_pattern,
)

# What spreadsheets and programs make of a long number: digits are lost. "12E5" may well be an
# article number.
SCIENTIFIC = r"^[0-9]+([.][0-9]+[eE][+-]?|[eE][+])[0-9]+$"
WHOLE_FLOAT = r"^([0-9]+)[.]0+$"

TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))

# Marks that stand for a blank between thousands: blank, no-break, narrow no-break, thin.
_BLANKS = " \u00a0\u202f\u2009"
_INT64 = 2**63


class Misfit(ValueError):
    """A text that its column cannot take; the message is the reason."""


@dataclass(frozen=True)
class Typed:
    """A column as it will lie in raw: one array per raw field, and the reasons of texts that do not
    fit (or None).
    """

    arrays: tuple[pa.Array, ...]
    faults: pa.StringArray | None = None


@dataclass(frozen=True)
class How:
    """How the texts of a column are to be read."""

    column: Column
    rule: ColumnRule
    dialect: Dialect
    keyring: Keyring


def read_column(texts: pa.StringArray, how: How) -> Typed:
    """The values of a column's texts; null stays null."""
    encoded = texts.dictionary_encode()
    read = _generated_ids if how.rule.generate else _READERS[how.column.type]
    distinct = read(encoded.dictionary, how)
    return Typed(
        tuple(array.take(encoded.indices) for array in distinct.arrays),
        None if distinct.faults is None else distinct.faults.take(encoded.indices),
    )


def _each(texts: pa.StringArray, read: Callable[[str], object], kind: pa.DataType) -> Typed:
    values: list[object] = []
    faults: list[str | None] = []
    for text in texts.to_pylist():
        try:
            values.append(read(text))
            faults.append(None)
        except (Misfit, NotATime) as reason:
            values.append(None)
            faults.append(str(reason))
    return Typed((pa.array(values, kind),), pa.array(faults, pa.string()) if any(faults) else None)


# --- texts


def _identifiers(texts: pa.StringArray, how: How) -> Typed:
    """NFC; a whole number that went through a float column (17850.0) loses its tail."""
    is_scientific = pc.match_substring_regex(texts, SCIENTIFIC)
    whole = pc.replace_substring_regex(texts, WHOLE_FLOAT, r"\1")
    found = _plain_texts(whole, how)
    if not pc.any(is_scientific).as_py():
        return found
    word = pa.scalar("an id in scientific notation has lost digits", pa.string())
    faults = found.faults or pa.nulls(len(texts), pa.string())
    return Typed(
        (pc.if_else(is_scientific, pa.scalar(None, pa.string()), found.arrays[0]),),
        pc.if_else(is_scientific, word, faults),
    )


def _plain_texts(texts: pa.StringArray, how: How) -> Typed:
    """NFC, with the key in the place of every e-mail address; a NUL byte is a fault."""
    scrubbed = how.keyring.scrubbed(pc.utf8_normalize(texts, form="NFC"))
    has_nul = pc.match_substring(texts, "\0")
    if not pc.any(has_nul).as_py():
        return Typed((scrubbed,))
    none = pa.scalar(None, pa.string())
    return Typed(
        (pc.if_else(has_nul, none, scrubbed),),
        pc.if_else(has_nul, pa.scalar("NUL byte", pa.string()), none),
    )


def _choices(texts: pa.StringArray, how: How) -> Typed:
    values = how.column.values

    def read(text: str) -> str:
        if text.lower() not in values:
            raise Misfit(f"none of {', '.join(values)}")
        return text.lower()

    return _each(texts, read, pa.string())


def _currencies(texts: pa.StringArray, _: How) -> Typed:
    def read(text: str) -> str:
        if not re.fullmatch("[A-Za-z]{3}", text):
            raise Misfit("not an ISO 4217 code")
        return text.upper()

    return _each(texts, read, pa.string())


def _booleans(texts: pa.StringArray, _: How) -> Typed:
    def read(text: str) -> bool:
        if text.lower() not in TRUE | FALSE:
            raise Misfit("neither true nor false")
        return text.lower() in TRUE

    return _each(texts, read, pa.bool_())


def _lengths(texts: pa.StringArray, _: How) -> Typed:
    return Typed((pc.cast(pc.utf8_length(texts), pa.int64()),))


# --- personal data


def _emails(texts: pa.StringArray, how: How) -> Typed:
    return Typed((how.keyring.keys("email", texts), how.keyring.are_role_mailboxes(texts)))


def _email_lists(texts: pa.StringArray, how: How) -> Typed:
    return Typed(how.keyring.key_lists(texts))


def _keys(texts: pa.StringArray, how: How) -> Typed:
    return Typed((how.keyring.keys(how.column.type, texts),))


def _generated_ids(texts: pa.StringArray, how: How) -> Typed:
    return Typed((how.keyring.generated_ids(texts),))


# --- numbers


def _decimals(texts: pa.StringArray, how: How) -> Typed:
    """Exact to the column's decimals; what has more is rounded half away from zero."""
    kind = RATE if how.column.type == "rate" else MONEY
    reason = "not an amount" if how.column.type == "money" else "not a number"
    whole_digits = kind.precision - kind.scale
    plain = rf"^-?[0-9]{{1,{whole_digits}}}([.][0-9]{{1,{kind.scale}}})?$"
    is_plain = pc.all(pc.match_substring_regex(texts, plain), min_count=0)
    if how.dialect.decimal == "." and is_plain.as_py():
        return Typed((pc.cast(texts, kind),))
    limit = Decimal(10) ** whole_digits
    step = Decimal(1).scaleb(-kind.scale)

    def read(text: str) -> Decimal:
        try:
            rounded = number(text, how.dialect).quantize(step, ROUND_HALF_UP)
        except (InvalidOperation, Misfit):
            raise Misfit(reason) from None
        if abs(rounded) >= limit:
            raise Misfit(f"{reason}: over {whole_digits} digits before the decimal mark")
        return rounded

    return _each(texts, read, kind)


def _integers(texts: pa.StringArray, how: How) -> Typed:
    def read(text: str) -> int:
        try:
            value = number(text, how.dialect)
        except Misfit:
            raise Misfit("not a whole number") from None
        if not -_INT64 <= value < _INT64 or value != value.to_integral_value():
            raise Misfit("not a whole number")
        return int(value)

    return _each(texts, read, pa.int64())


def number(text: str, dialect: Dialect) -> Decimal:
    """A number as the dialect writes it, exactly. Raises Misfit.

    Thousands must stand in groups of three: where the dot is the mark for thousands, ``0.50`` is
    not fifty.
    """
    grouped, plain = _number_patterns(dialect.decimal, dialect.thousands)
    if grouped and grouped.fullmatch(text):
        text = re.sub(f"[{re.escape(_alike(dialect.thousands))}]", "", text)
    elif not plain.fullmatch(text):
        raise Misfit("not a number")
    return Decimal(text.replace(dialect.decimal, "."))


@functools.lru_cache
def _number_patterns(
    decimal: str, thousands: str
) -> tuple[re.Pattern[str] | None, re.Pattern[str]]:
    point = re.escape(decimal)
    plain = rf"[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?"
    if not thousands:
        return None, re.compile(plain)
    mark = f"[{re.escape(_alike(thousands))}]"
    grouped = rf"[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+(?:{point}[0-9]*)?"
    return re.compile(grouped), re.compile(plain)


def _alike(thousands: str) -> str:
    return _BLANKS if thousands in _BLANKS else thousands


# --- times


_EPOCH = datetime.fromisoformat("1970-01-01")
_MICROSECOND = timedelta(microseconds=1)
_UTC = "UTC"


def _times(texts: pa.StringArray, how: How) -> Typed:
    rule = how.rule
    if rule.unit_microseconds is None:
        return _each(texts, functools.partial(_time, rule=rule), UTC_TIMESTAMP)
    counted = _counted_at_once(texts, rule.unit_microseconds, rule.relative_start or _EPOCH)
    if counted is not None:
        return Typed((counted,))
    return _each(texts, functools.partial(_counted_time, rule=rule), UTC_TIMESTAMP)


def _counted_at_once(
    texts: pa.StringArray, unit_microseconds: int, start: datetime
) -> pa.TimestampArray | None:
    """Whole numbers of units since the start; None unless all texts are that, and plausible."""
    is_digits = pc.match_substring_regex(texts, "^[0-9]{1,18}$")
    if not pc.all(is_digits, min_count=0).as_py():
        return None
    counts = pc.cast(texts, pa.int64())
    first, last = ((bound - start) // _MICROSECOND for bound in (EARLIEST, LATEST))
    is_plausible = pc.and_(
        pc.greater_equal(counts, first // unit_microseconds),
        pc.less(counts, last // unit_microseconds),
    )
    if not pc.all(is_plausible, min_count=0).as_py():
        return None
    since_epoch = (start - _EPOCH) // _MICROSECOND
    return pc.cast(pc.add(pc.multiply(counts, unit_microseconds), since_epoch), UTC_TIMESTAMP)


def _time(text: str, rule: ColumnRule) -> datetime:
    if rule.format is not None:
        return parse_pattern(text, rule.format, rule.zone)
    return parse_iso(text, rule.zone)


def _counted_time(text: str, rule: ColumnRule) -> datetime:
    start = rule.relative_start or _EPOCH
    try:
        microseconds = number(text, Dialect()) * (rule.unit_microseconds or 1)
    except Misfit:
        if rule.relative_start is not None:
            raise Misfit("not a number of units since the start") from None
        # CSV and Parquet variants of an export often carry ISO times where the API counts seconds.
        return parse_iso(text, rule.zone)
    try:
        return checked(start + timedelta(microseconds=int(microseconds)))
    except OverflowError:
        return checked(LATEST)


def _dates(texts: pa.StringArray, how: How) -> Typed:
    rule = how.rule

    def read(text: str) -> date:
        if rule.unit_microseconds is not None:
            return _counted_time(text, rule).date()
        if rule.format is not None:
            return parse_pattern(text, rule.format, _UTC).date()
        # The day is the one that is written, whatever the offset behind it.
        parse_iso(text, _UTC)
        return date.fromisoformat(text[:10])

    return _each(texts, read, pa.date32())


_READERS: Mapping[str, Callable[[pa.StringArray, How], Typed]] = {
    "id": _identifiers,
    "text": _plain_texts,
    "url": _plain_texts,
    "choice": _choices,
    "currency": _currencies,
    "boolean": _booleans,
    "free_text": _lengths,
    "integer": _integers,
    "decimal": _decimals,
    "money": _decimals,
    "rate": _decimals,
    "timestamp": _times,
    "date": _dates,
    "email": _emails,
    "email_list": _email_lists,
    "phone": _keys,
    "name": _keys,
    "address": _keys,
    "ip": _keys,
}
