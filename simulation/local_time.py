"""Days and clocks: UTC seconds to the shop's local time and back.

Everything in the simulation is an ``int`` of seconds since 1970 in UTC; only the exporters turn it
into text.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
JAKARTA = ZoneInfo("Asia/Jakarta")

MINUTE = 60
HOUR = 3600
DAY = 86400


@dataclass(frozen=True)
class Calendar:
    """The days that a company exports: ``first_day`` to ``last_day``, both whole days in Oslo."""

    first_day: date
    last_day: date

    @property
    def days(self) -> int:
        """Number of days, both ends included."""
        return (self.last_day - self.first_day).days + 1

    @property
    def start(self) -> int:
        """First second of the first day, UTC."""
        return local_seconds(self.first_day)

    @property
    def end(self) -> int:
        """First second after the last day, UTC."""
        return local_seconds(self.last_day + timedelta(days=1))

    def day(self, index: int) -> date:
        """The day with this number, 0 being the first."""
        return self.first_day + timedelta(days=index)

    def at(self, index: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
        """UTC seconds of a wall-clock time in Oslo on day ``index``."""
        return local_seconds(self.day(index), hour, minute, second)

    def weeks(self) -> list[tuple[int, int]]:
        """(first, last) day numbers of the weekly exports. The last week is whole, the first may be
        short: a company exports until today, and began on some day.
        """
        ends = range(self.days - 1, -1, -7)
        return [(max(0, end - 6), end) for end in reversed(ends)]

    def week_end(self, index: int) -> int:
        """The last day of the week that day ``index`` belongs to."""
        return next(end for begin, end in self.weeks() if begin <= index <= end)

    def contains(self, seconds: int) -> bool:
        """Does the moment fall into the exported days?"""
        return self.start <= seconds < self.end


def local_seconds(day: date, hour: int = 0, minute: int = 0, second: int = 0, fold: int = 0) -> int:
    """UTC seconds of a wall-clock time in Oslo; ``fold=1``: the double hour's second pass."""
    wall = datetime.combine(day, time(hour, minute, second, fold=fold), tzinfo=OSLO)
    return int(wall.timestamp())


@functools.lru_cache(maxsize=100_000)
def _oslo_day(hour: int) -> date:
    return datetime.fromtimestamp(hour * HOUR, OSLO).date()


def oslo_day(seconds: int) -> date:
    """The day in Oslo that a moment belongs to (Oslo's offset is always whole hours)."""
    return _oslo_day(seconds // HOUR)


def double_hour(before: date) -> tuple[int, int]:
    """The two moments that Oslo's clocks show as 02:30 on the last change to winter time before a
    day.
    """
    day = before - timedelta(days=1)
    while True:
        first, second = (local_seconds(day, 2, 30, fold=fold) for fold in (0, 1))
        if first != second and day.month >= 9:
            return first, second
        day -= timedelta(days=1)


def shopify_text(seconds: int) -> str:
    """``2026-05-14 11:23:45 +0200``, as Shopify writes times."""
    text = datetime.fromtimestamp(seconds, OSLO).isoformat(" ")
    return f"{text[:19]} {text[19:22]}{text[23:]}"


def iso_text(seconds: int, milliseconds: int = 0) -> str:
    """``2026-05-14T09:23:45.120Z``."""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{milliseconds:03d}Z"


def wall_text(seconds: int, form: str, zone: ZoneInfo = OSLO) -> str:
    """Wall-clock time in a zone, without saying the zone."""
    return datetime.fromtimestamp(seconds, zone).strftime(form)
