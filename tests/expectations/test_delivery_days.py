"""A day that never came is told, once; a closed shop is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import duckdb
import pytest

from expectations.delivery_days import day_expectations
from ingestion.settings import realdata

FIRST = date(2026, 3, 2)  # a Monday


class Feed:
    """An in-memory raw.deliveries that one feed comes to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def deliver(self, *days: int, night: int | None = None, rows: int = 12) -> None:
        """A file of each day, received on ``night`` or else the night after the day."""
        for day in days:
            data_day = FIRST + timedelta(days=day)
            received = FIRST + timedelta(days=1 + (day if night is None else night))
            self._connection.execute(
                "insert into raw.deliveries values "
                "('shop', 'generic_orders', ?, ?, ?, ?, 'accepted')",
                [
                    rows,
                    datetime.combine(received, time(3, 0)),
                    datetime.combine(data_day, time(8, 0)),
                    datetime.combine(data_day, time(19, 0)),
                ],
            )
            self._connection.execute(
                "update raw.run_parameters set as_of = greatest(as_of, ?)", [data_day]
            )

    def missing(self) -> list[str]:
        """The days that are told tonight."""
        (expectation,) = day_expectations()
        query = expectation.kwargs["query"].replace("{batch}", "raw.deliveries")
        rows = self._connection.execute(f"select data_day::varchar from ({query}) order by all")
        return [day for (day,) in rows.fetchall()]


@pytest.fixture
def feed() -> Iterator[Feed]:
    """A feed of a company in Oslo that has not begun."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema raw; create table raw.run_parameters as "
            "select 'Europe/Oslo' as time_zone, date '2000-01-01' as as_of; "
            "create table raw.deliveries (source text, object text, rows_delivered bigint, "
            "received_at timestamp, data_from timestamp, data_through timestamp, status text)"
        )
        yield Feed(connection)


def test_a_missing_day_is_told_on_the_night_that_brings_a_later_one(feed: Feed) -> None:
    feed.deliver(*range(30), *range(31, 33))
    assert feed.missing() == []
    feed.deliver(33)
    assert feed.missing() == []


def test_a_missing_day_of_a_catch_up_is_told(feed: Feed) -> None:
    feed.deliver(*range(30), *range(31, 40), night=40)
    assert feed.missing() == ["2026-04-01"]


def test_a_day_is_told_once_a_later_one_has_come_that_night(feed: Feed) -> None:
    feed.deliver(*range(30))
    feed.deliver(31)
    assert feed.missing() == ["2026-04-01"]
    feed.deliver(32)
    assert feed.missing() == []


def test_a_day_that_came_late_is_not_missing(feed: Feed) -> None:
    feed.deliver(*range(30))
    feed.deliver(31)
    feed.deliver(30, night=31)
    assert feed.missing() == []


def test_a_shop_without_saturdays_misses_none(feed: Feed) -> None:
    feed.deliver(*(day for day in range(60) if day % 7 != 5), night=60)
    assert feed.missing() == []


def test_the_first_weeks_are_no_habit_yet(feed: Feed) -> None:
    feed.deliver(*range(10), *range(11, 14), night=14)
    assert feed.missing() == []


def test_a_day_without_rows_is_chance_where_days_have_few(feed: Feed) -> None:
    feed.deliver(*range(30), *range(31, 40), night=40, rows=8)
    assert feed.missing() == []


@pytest.mark.realdata
@pytest.mark.skipif(not realdata().is_dir(), reason=f"{realdata()} is not here")
def test_a_real_shop_misses_its_holidays_and_no_saturday(feed: Feed) -> None:
    files = (realdata() / "online_retail_daily" / "by-day").glob("*.csv")
    days = [date.fromisoformat(path.stem[-10:]) for path in files]
    feed.deliver(*((day - FIRST).days for day in days), night=0)
    assert len(days) == 305
    # Christmas to the new year's bank holiday, Easter, a royal wedding and three Mondays.
    assert feed.missing() == [
        "2010-12-24",
        *(f"2010-12-{day}" for day in range(26, 32)),
        "2011-01-02",
        "2011-01-03",
        "2011-04-22",
        "2011-04-24",
        "2011-04-25",
        "2011-04-29",
        "2011-05-02",
        "2011-05-30",
        "2011-08-29",
    ]
