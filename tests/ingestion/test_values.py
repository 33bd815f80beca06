"""Typed values: exact, or refused with a reason that does not repeat the text."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.contract import Column
from ingestion.mapping import parse_column
from ingestion.personal_data import Keyring
from ingestion.settings import Dialect
from ingestion.values import How, Misfit, Typed, number, read_column

KEYRING = Keyring(b"k" * 32)

at = datetime.fromisoformat


def read(
    kind: str, *texts: str | None, rule: Any = "field", zone: str = "UTC", dialect: Dialect | None = None,
    values: tuple[str, ...] = (),
) -> Typed:  # fmt: skip
    column = Column("c", kind, "", "none", values=values)
    how = How(column, parse_column("c", column, rule, zone), dialect or Dialect(), KEYRING)
    return read_column(pa.array(texts, pa.string()), how)


def values(kind: str, *texts: str | None, **how: Any) -> list[Any]:
    found: list[Any] = read(kind, *texts, **how).arrays[0].to_pylist()
    return found


def faults(kind: str, *texts: str | None, **how: Any) -> list[str | None]:
    found = read(kind, *texts, **how).faults
    return [None] * len(texts) if found is None else found.to_pylist()


# --- money


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"), ("-0", "0"), ("-0.00", "0"), ("007", "7"), ("+5", "5"), ("5.", "5"), (".5", "0.5"),
        ("1e3", "1000"), ("1.5E-2", "0.015"), ("99999999999999.9999", "99999999999999.9999"),
        ("0.00005", "0.0001"), ("-0.00005", "-0.0001"), ("0.000049999", "0"), ("2.67499999", "2.6750"),
    ],
)  # fmt: skip
def test_an_amount_is_exact_to_four_decimals_half_away_from_zero(text: str, amount: str) -> None:
    assert values("money", text) == [Decimal(amount).quantize(Decimal("0.0001"))]


@pytest.mark.parametrize(
    "text",
    ["NaN", "nan", "inf", "-inf", "Infinity", "1e400", "1_000", "0x1F", "0,50", "1,234.50", "1.2.3", "ten",
     "$5", "5 kr", "(5)", "−5", "5-", "٣", "1e", "--5", "1 000", "100000000000000", "1e14", "99999999999999.99995"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_and_not_repeated(text: str) -> None:
    assert values("money", "1", text) == [1, None]
    [_, reason] = faults("money", "1", text)
    assert reason is not None
    assert reason.startswith("not an amount")
    assert text not in reason


@given(st.decimals(-(10**14) + 1, 10**14 - 1, allow_nan=False, allow_infinity=False, places=None))
def test_any_decimal_is_exact_or_rounded_once(amount: Decimal) -> None:
    expected = amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert values("money", f"{amount:f}") == [expected]


@given(
    st.decimals(-(10**10), 10**10, places=3),
    st.sampled_from([(",", "."), (".", ","), (",", " "), (".", "'"), (",", "")]),
)
def test_a_number_in_any_dialect_is_the_same_number(
    amount: Decimal, marks: tuple[str, str]
) -> None:
    decimal, thousands = marks
    written = f"{amount:,f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    assert number(written, Dialect(decimal=decimal, thousands=thousands)) == amount


def test_a_million_tenths_are_a_hundred_thousand() -> None:
    tenths = read("money", *["0.1"] * 1_000_000).arrays[0]
    assert pa.compute.sum(tenths).as_py() == 100_000


def test_whole_numbers_are_whole_and_fit() -> None:
    assert values("integer", "17", "17.0", "1e3", "9223372036854775807", "-0") == [
        17, 17, 1000, 2**63 - 1, 0,
    ]  # fmt: skip
    assert faults("integer", "1.5", "9223372036854775808", "x") == ["not a whole number"] * 3


def test_rates_keep_ten_decimals() -> None:
    assert values("rate", "0.00006543219", "11.5") == [Decimal("0.0000654322"), Decimal("11.5")]


def test_an_empty_dialect_number_is_no_number() -> None:
    with pytest.raises(Misfit):
        number("", Dialect())


# --- ids


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("000123", "000123"), ("17850.0", "17850"), ("17850.00", "17850"), ("17850.5", "17850.5"),
        ("9007199254740993", "9007199254740993"), ("123456789012345678901234567890",) * 2,
        ("C536365", "C536365"), ("12E5", "12E5"), ("85123E", "85123E"), ("1.2", "1.2"), ("0x1F", "0x1F"),
        ("e\u0301", "é"), ("A b", "A b"), ("#1001", "#1001"), ("ola@example.no", None),
    ],
)  # fmt: skip
def test_an_id_is_text_end_to_end(text: str, identity: str | None) -> None:
    expected = KEYRING.keyed("email", text) if identity is None else identity
    assert values("id", text) == [expected]


@pytest.mark.parametrize("text", ["1.2E+10", "1.2345678901E10", "1e+16", "1E+16", "9.0e15"])
def test_an_id_that_a_spreadsheet_rounded_is_refused(text: str) -> None:
    assert values("id", text) == [None]
    assert faults("id", text) == ["an id in scientific notation has lost digits"]


def test_an_id_is_the_same_in_both_unicode_forms() -> None:
    composed, decomposed = values("id", "Ålesund", unicodedata.normalize("NFD", "Ålesund"))
    assert composed == decomposed


# --- times


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-14", "2026-05-13T22:00:00"),
        ("2026-05-14 11:23", "2026-05-14T09:23:00"),
        ("2026-05-14T11:23:45", "2026-05-14T09:23:45"),
        ("2026-05-14 11:23:45.123456789", "2026-05-14T09:23:45.123456"),
        ("2026-05-14 11:23:45,5", "2026-05-14T09:23:45.500000"),
        ("2026-05-14 11:23:45 +0100", "2026-05-14T10:23:45"),
        ("2026-05-14T11:23:45-01:30", "2026-05-14T12:53:45"),
        ("2026-05-14T11:23:45Z", "2026-05-14T11:23:45"),
        ("2026-05-14 11:23:45 UTC", "2026-05-14T11:23:45"),
        ("2026-01-14 11:23", "2026-01-14T10:23:00"),
        ("2028-02-29", "2028-02-28T23:00:00"),
        ("2026-12-31 23:59:59", "2026-12-31T22:59:59"),
    ],
)
def test_an_iso_time_is_read_in_its_zone(text: str, utc: str) -> None:
    assert values("timestamp", text, zone="Europe/Oslo") == [at(utc)]


@pytest.mark.parametrize(
    "text",
    ["14.05.2026", "05/14/2026", "14/05/2026", "10/11/12", "2026-02-29", "2026-13-01", "20260514", "infinity",
     "epoch", "now", "1778750000", "2012111541030", "2026-05-14 25:00", "2026-05-14 24:00:00", "2026-05-14 11:23 PM",
     "2026-05-14 11:23:45+99:00", "2026-05-14 (BC)", "2026-05-14 11:23 Europe/Oslo", "2026-W01-1"],
)  # fmt: skip
def test_a_time_that_could_be_read_in_two_ways_is_not_read(text: str) -> None:
    assert values("timestamp", text) == [None]
    assert faults("timestamp", text) == ["not a time in the declared format"]


def test_day_and_month_are_never_guessed() -> None:
    rule = {"from": "x", "format": "%d/%m/%Y %H:%M"}
    assert values("timestamp", "03/04/2026 10:00", "31/12/2026 10:00", rule=rule) == [
        at("2026-04-03T10:00"),
        at("2026-12-31T10:00"),
    ]
    assert (
        faults("timestamp", "12/31/2026 10:00", "2026-12-31", rule=rule)
        == ["not a time in the declared format"] * 2
    )


def test_an_hour_that_the_clock_skips_is_refused() -> None:
    skipped, before, after = "2026-03-29 02:30", "2026-03-29 01:59", "2026-03-29 03:00"
    assert values("timestamp", before, after, zone="Europe/Oslo") == [
        at("2026-03-29T00:59"),
        at("2026-03-29T01:00"),
    ]
    [reason] = faults("timestamp", skipped, zone="Europe/Oslo")
    assert reason == "a local time that the clock skipped in spring (is the zone right?)"
    assert values("timestamp", skipped, zone="Asia/Jakarta") == [at("2026-03-28T19:30")]


def test_the_hour_that_the_clock_repeats_is_winter_time() -> None:
    assert values(
        "timestamp", "2026-10-25 02:30", "2026-10-25 02:30 +0200", zone="Europe/Oslo"
    ) == [
        at("2026-10-25T01:30"),
        at("2026-10-25T00:30"),
    ]


def test_a_day_stays_that_day_where_clocks_turn_at_midnight() -> None:
    [moment] = values("timestamp", "2026-04-24", zone="Africa/Cairo")
    # Midnight does not exist there that night; the day begins at 01:00 summer time.
    assert moment == at("2026-04-23T22:00")


def test_seconds_and_milliseconds_are_not_mistaken_for_each_other() -> None:
    seconds, milliseconds = (
        {"from": "x", "format": "epoch_seconds"},
        {"from": "x", "format": "epoch_milliseconds"},
    )
    assert values("timestamp", "1778750000", "1778750000.25", rule=seconds) == [
        at("2026-05-14T09:13:20"),
        at("2026-05-14T09:13:20.250000"),
    ]
    assert values("timestamp", "1778750000123", rule=milliseconds)[0].microsecond == 123_000
    assert faults("timestamp", "1778750000123", rule=seconds) == [
        "outside 1900 to 2200 (seconds or milliseconds?)"
    ]
    assert values("timestamp", "2026-05-14T09:13:20Z", rule=seconds) == [at("2026-05-14T09:13:20")]
    assert faults("timestamp", "1" * 18, "9" * 40, "1e300", "x", rule=seconds) == [
        "outside 1900 to 2200 (seconds or milliseconds?)",
        "outside 1900 to 2200 (seconds or milliseconds?)",
        "outside 1900 to 2200 (seconds or milliseconds?)",
        "not a time in the declared format",
    ]


def test_a_time_counted_from_a_start() -> None:
    rule = {"from": "x", "relative": {"unit": "hours", "start": "2018-01-01T00:00:00Z"}}
    assert values("timestamp", "0", "714", "0.5", rule=rule) == [
        at("2018-01-01"),
        at("2018-01-30T18:00"),
        at("2018-01-01T00:30"),
    ]
    assert faults("timestamp", "9" * 30, "soon", rule=rule) == [
        "outside 1900 to 2200 (seconds or milliseconds?)",
        "not a number of units since the start",
    ]


def test_year_9999_is_no_time_and_no_crash() -> None:
    assert (
        faults("timestamp", "9999-12-31 23:59:59", "0001-01-01", zone="Pacific/Auckland")
        == ["outside 1900 to 2200 (seconds or milliseconds?)"] * 2
    )


def test_a_date_is_the_day_that_is_written() -> None:
    assert values("date", "2026-05-14", "2026-05-14T00:30+02:00", "2028-02-29") == [
        date(2026, 5, 14), date(2026, 5, 14), date(2028, 2, 29),
    ]  # fmt: skip
    assert faults("date", "2026-05-14x", "14.05.2026") == ["not a time in the declared format"] * 2
    assert values("date", "20260514", rule={"from": "x", "format": "%Y%m%d"}) == [date(2026, 5, 14)]


# --- words


def test_booleans_choices_and_currencies_in_any_case() -> None:
    assert values("boolean", "TRUE", "no", "1.0", "Y", "f") == [True, False, True, True, False]
    assert faults("boolean", "maybe") == ["neither true nor false"]
    assert values("choice", "Sale", values=("sale",)) == ["sale"]
    assert faults("choice", "sales", values=("sale", "refund")) == ["none of sale, refund"]
    assert values("currency", "nok") == ["NOK"]
    assert faults("currency", "kr", "N0K", "NOKK") == ["not an ISO 4217 code"] * 3


def test_free_text_is_kept_as_its_length_only() -> None:
    assert values("free_text", "Grünerløkka 🙂") == [13]


def test_null_stays_null_in_every_type() -> None:
    for kind in (
        "id",
        "text",
        "money",
        "integer",
        "boolean",
        "currency",
        "timestamp",
        "date",
        "email",
        "phone",
    ):
        assert values(kind, None, None) == [None, None], kind
