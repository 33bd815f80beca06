from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from simulation.local_time import Calendar, double_hour, oslo_day, shopify_text


def test_shopify_times_carry_oslos_offset_in_summer_and_winter() -> None:
    summer = int(datetime(2026, 5, 14, 9, 23, 45, tzinfo=UTC).timestamp())
    winter = int(datetime(2026, 1, 14, 9, 23, 45, tzinfo=UTC).timestamp())
    assert shopify_text(summer) == "2026-05-14 11:23:45 +0200"
    assert shopify_text(winter) == "2026-01-14 10:23:45 +0100"


def test_the_double_hour_is_one_wall_clock_time_twice() -> None:
    first, second = double_hour(date(2026, 1, 2))
    assert shopify_text(first) == "2025-10-26 02:30:00 +0200"
    assert shopify_text(second) == "2025-10-26 02:30:00 +0100"
    assert second - first == 3600


def test_days_are_oslos_days() -> None:
    assert oslo_day(int(datetime(2026, 6, 30, 22, 0, tzinfo=UTC).timestamp())) == date(2026, 7, 1)
    assert oslo_day(int(datetime(2026, 1, 31, 22, 59, tzinfo=UTC).timestamp())) == date(2026, 1, 31)


def test_weeks_cover_every_day_once_and_the_last_is_whole() -> None:
    for days in range(40, 55):
        calendar = Calendar(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days - 1))
        weeks = calendar.weeks()
        covered = [day for first, last in weeks for day in range(first, last + 1)]
        assert covered == list(range(days))
        assert weeks[-1] == (days - 7, days - 1)
        assert calendar.week_end(0) == weeks[0][1]


def test_a_calendar_over_the_change_to_summer_time_has_a_short_day() -> None:
    calendar = Calendar(date(2026, 3, 29), date(2026, 3, 29))
    assert calendar.days == 1
    assert calendar.end - calendar.start == 23 * 3600
