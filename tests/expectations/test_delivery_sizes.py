"""A cut file stops the night, a quiet Sunday does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.delivery_sizes import size_expectations
from ingestion.settings import realdata

FIRST = date(2026, 3, 2)  # a Monday
CUT = "a_day_is_not_cut_short"
SHRUNK = "a_day_does_not_shrink_beyond_its_variation"
HALF = "a_day_is_more_than_half_the_usual"
SPIKE = "a_day_is_less_than_five_times_the_usual"


class Ledger:
    """An in-memory raw.deliveries that days are delivered to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def deliver(
        self,
        day: int,
        rows: int,
        until: time = time(19, 0),
        night: int | None = None,
        status: str = "accepted",
        reason: str = "",
    ) -> None:
        """A file of a day, received the next night unless said otherwise."""
        data_day = FIRST + timedelta(days=day)
        received = FIRST + timedelta(days=day if night is None else night)
        self._connection.execute(
            "insert into raw.deliveries values (?, 'shop', 'generic_orders', ?, ?, ?, ?, ?)",
            [
                f"d{day}-{rows}",
                rows,
                datetime.combine(received, time(3, 0)) + timedelta(days=1),
                datetime.combine(data_day, until),
                status,
                reason,
            ],
        )

    def findings(self) -> dict[str, list[tuple[object, ...]]]:
        """Day and rows that each expectation objects to, where it does."""
        found = {}
        for expectation in size_expectations():
            query = expectation.kwargs["query"].replace("{batch}", "raw.deliveries")
            rows = self._connection.execute(
                f"select data_day::varchar, row_count from ({query}) order by all"
            ).fetchall()
            if rows:
                found[expectation.name] = rows
        return found


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """An empty ledger of a company in Oslo."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema raw; create table raw.run_parameters as select 'UTC' as time_zone; "
            "create table raw.deliveries (delivery_id text, source text, object text, "
            "rows_delivered bigint, received_at timestamp, data_through timestamp, status text, "
            "reason text)"
        )
        yield Ledger(connection)


def steady(ledger: Ledger, days: int, rows: int = 100) -> None:
    """Days that vary by a tenth."""
    for day in range(days):
        ledger.deliver(day, rows + rows // 10 * (day % 3 - 1))


def test_a_file_cut_in_half_at_a_line_end_closes(ledger: Ledger) -> None:
    steady(ledger, 7)
    ledger.deliver(7, 50, until=time(12, 0))
    assert ledger.findings()[CUT] == [("2026-03-09", 50)]


def test_a_steady_feed_that_lost_a_third_closes_even_when_it_reaches_the_evening(
    ledger: Ledger,
) -> None:
    steady(ledger, 7)
    ledger.deliver(7, 66)
    assert list(ledger.findings()) == [SHRUNK]


def test_the_first_week_is_not_judged(ledger: Ledger) -> None:
    steady(ledger, 6)
    ledger.deliver(6, 5, until=time(12, 0))
    assert ledger.findings() == {}


def test_a_quiet_sunday_is_like_other_sundays(ledger: Ledger) -> None:
    for day in range(36):
        sunday = day % 7 == 6
        ledger.deliver(day, 40 if sunday else 100, until=time(15 if sunday else 19, 0))
    assert ledger.findings() == {}


def test_a_holiday_is_told_and_stops_nothing(ledger: Ledger) -> None:
    for day in range(28):
        ledger.deliver(day, (60, 100, 140)[day % 3])
    ledger.deliver(28, 35)
    assert list(ledger.findings()) == [HALF]


def test_a_warning_is_told_on_its_night_only(ledger: Ledger) -> None:
    steady(ledger, 10)
    ledger.deliver(10, 700)
    assert ledger.findings() == {SPIKE: [("2026-03-12", 700)]}
    ledger.deliver(11, 100)
    assert ledger.findings() == {}


def test_a_split_file_is_not_half_a_day(ledger: Ledger) -> None:
    steady(ledger, 10)
    ledger.deliver(10, 49, until=time(12, 0))
    ledger.deliver(10, 51, until=time(19, 0))
    assert ledger.findings() == {}


def test_a_late_file_of_an_earlier_day_is_not_judged(ledger: Ledger) -> None:
    steady(ledger, 10)
    ledger.deliver(4, 3, until=time(9, 0), night=11)
    assert ledger.findings() == {}


def test_small_numbers_are_chance(ledger: Ledger) -> None:
    steady(ledger, 10, rows=20)
    ledger.deliver(10, 0, until=time(0, 0))
    assert ledger.findings() == {}


def test_a_day_let_in_with_a_reason_stays_in(ledger: Ledger) -> None:
    steady(ledger, 10)
    ledger.deliver(10, 20, until=time(12, 0), reason="the shop closed at noon")
    assert ledger.findings() == {}


def test_a_rejected_day_is_not_judged_and_not_compared_with(ledger: Ledger) -> None:
    steady(ledger, 10)
    ledger.deliver(10, 20, until=time(12, 0), status="rejected")
    ledger.deliver(11, 90)
    assert ledger.findings() == {}


REAL_DAYS = {
    "online_retail_daily/by-day/*.csv": (
        "select InvoiceDate::timestamp as happened_at from read_csv('{}', delim = ',', "
        "quote = '\"', escape = '\"', header = true, auto_detect = false, columns = {{"
        "'InvoiceNo': 'VARCHAR', "
        "'StockCode': 'VARCHAR', 'Description': 'VARCHAR', 'Quantity': 'VARCHAR', "
        "'InvoiceDate': 'VARCHAR', 'UnitPrice': 'VARCHAR', 'CustomerID': 'VARCHAR', "
        "'Country': 'VARCHAR'}})"
    ),
    "native/ga4/ga4_events_sampled.snappy.parquet": (
        "select make_timestamp(event_timestamp) as happened_at from '{}'"
    ),
    "retentioneering_ecom/ecom.csv.gz": (
        "select timestamp::timestamp as happened_at from read_csv('{}')"
    ),
    "olist_8k/olist_orders_dataset.csv": (
        "select order_purchase_timestamp as happened_at from '{}'"
    ),
}


@pytest.mark.realdata
@pytest.mark.skipif(not realdata().is_dir(), reason=f"{realdata()} is not here")
@pytest.mark.parametrize("path", REAL_DAYS)
def test_no_day_of_a_real_company_closes_the_gate(path: str) -> None:
    query = REAL_DAYS[path].format(realdata() / Path(path))
    with duckdb.connect() as connection:
        connection.execute(
            "create schema raw; "
            "create table raw.run_parameters as select 'Europe/London' as time_zone"
        )
        connection.execute(
            f"create table raw.deliveries as with events as ({query}) "
            "select happened_at::date::varchar as delivery_id, 'shop' as source, "
            "'generic_orders' as object, count(*) as rows_delivered, "
            "happened_at::date + interval 27 hours as received_at, "
            "max(happened_at) as data_through, 'accepted' as status, '' as reason "
            "from events group by happened_at::date"
        )
        [(days,)] = connection.execute("select count(*) from raw.deliveries").fetchall()
        found = Ledger(connection).findings()
    assert days > 90
    assert CUT not in found
    assert SHRUNK not in found
