"""Times as exports write them, read as naive UTC. A text that can be read in two ways is not read
at all.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<zone>Z|z|UTC|GMT|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?))?)?",
    re.ASCII,
)

# Nothing that an engagement pipeline reads happened before 1900; "9999-12-31" and milliseconds read
# as seconds lie after 2200. The event time of a record has narrower bounds, see conversion.py.
EARLIEST = datetime.fromisoformat("1900-01-01")
LATEST = datetime.fromisoformat("2200-01-01")

_QUARTER_MINUTES = 15


class NotATime(ValueError):
    """A text is no time in the declared form; the message says why, without the text."""


def parse_iso(text: str, zone: str) -> datetime:
    """ISO 8601 with ``T`` or blank; without an offset it is local time of ``zone``. Raises
    NotATime.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise NotATime("not a time in the declared format")
    offset = found["zone"]
    if offset in ("UTC", "GMT", "z"):
        text = text.removesuffix(offset).rstrip() + "Z"
    try:
        moment = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-"))
    except ValueError:
        raise NotATime("not a time in the declared format") from None
    return _utc(moment, zone)


def parse_pattern(text: str, pattern: str, zone: str) -> datetime:
    """A time by strptime pattern; without ``%z`` it is local time of ``zone``. Raises NotATime."""
    try:
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is applied below
    except ValueError:
        raise NotATime("not a time in the declared format") from None
    return _utc(moment, zone)


def checked(moment: datetime) -> datetime:
    """The moment, if it is plausible at all; NotATime where seconds were taken for milliseconds or
    the like.
    """
    if not EARLIEST <= moment < LATEST:
        raise NotATime("outside 1900 to 2200 (seconds or milliseconds?)")
    return moment


def written_zone(text: str, zone: str) -> str:
    """The offset that stands in an ISO text; else ``zone``."""
    found = _ISO.fullmatch(text)
    offset = found["zone"] if found else None
    return zone if offset is None else "UTC" if offset in ("Z", "z", "UTC", "GMT") else offset


def is_pattern(pattern: str) -> bool:
    """Is this a strptime pattern that says at least the year?"""
    if not any(directive in pattern for directive in ("%Y", "%y", "%c", "%x")):
        return False
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only the pattern is tried
    except ValueError as error:
        return "bad directive" not in str(error) and "stray" not in str(error)
    return True


def _utc(moment: datetime, zone: str) -> datetime:
    if moment.tzinfo is not None:
        return checked(moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta()))
    moment = checked(moment)
    if zone == "UTC":
        return moment
    quarter = moment.replace(
        minute=moment.minute - moment.minute % _QUARTER_MINUTES, second=0, microsecond=0
    )
    earlier, later = _offsets(zone, quarter)
    if earlier < later:
        # Midnight stands for the day, also where clocks are turned at midnight and it does not
        # exist.
        if moment.time() != time.min:
            raise NotATime("a local time that the clock skipped in spring (is the zone right?)")
        return moment - earlier
    # Of the hour that autumn repeats, the second, in winter time, is taken.
    return moment - later


@functools.lru_cache(maxsize=1 << 16)
def _offsets(zone: str, quarter: datetime) -> tuple[timedelta, timedelta]:
    """Offsets of a local quarter of an hour before and after a turn of the clock; equal but for two
    hours a year.

    Zones have changed their offset at quarters of hours only, so a day needs 96 look-ups at most.
    """
    local = quarter.replace(tzinfo=ZoneInfo(zone))
    return (
        local.replace(fold=0).utcoffset() or timedelta(),
        local.replace(fold=1).utcoffset() or timedelta(),
    )


def naive_utc(moment: datetime) -> datetime:
    """A moment as naive UTC; one without zone is taken as UTC already."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
