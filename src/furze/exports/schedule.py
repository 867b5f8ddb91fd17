"""When an export runs: an interval, a zone and an offset cut time into windows. Pure.

Windows are half-open and tile time: each begins where the one before it ends. Daily and weekly boundaries are a local
hour on a local date, so a day is 23 or 25 hours long where clocks change, and each local date begins exactly once:
an hour that the change skips falls on the instant right after it, one that it repeats on its first occurrence.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from furze.exports.types import DAY_SECONDS, Schedule, Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def boundary_before(schedule: Schedule, instant: datetime) -> datetime:
    """The last boundary at or before an instant."""
    if not schedule.is_calendar:
        period = schedule.length
        return _EPOCH + (instant - _EPOCH) // period * period
    latest = _first_date(schedule, instant.astimezone(ZoneInfo(schedule.timezone)).date() + timedelta(days=1))
    for back in count():
        boundary = boundary_on(schedule, latest - back * schedule.length)
        if boundary <= instant:
            return boundary
    raise AssertionError("unreachable: dates go back for ever")


def boundary_after(schedule: Schedule, instant: datetime) -> datetime:
    """The first boundary after an instant."""
    if not schedule.is_calendar:
        return boundary_before(schedule, instant) + schedule.length
    local = instant.astimezone(ZoneInfo(schedule.timezone)).date()
    earliest = _first_date(schedule, local - timedelta(days=1))
    for ahead in count():
        boundary = boundary_on(schedule, earliest + ahead * schedule.length)
        if boundary > instant:
            return boundary
    raise AssertionError("unreachable: dates go on for ever")


def boundary_on(schedule: Schedule, local_date: date) -> datetime:
    """The instant at which the day, or the week, of a local date begins."""
    hour = schedule.offset_seconds % DAY_SECONDS // 3600
    # fold=0: a skipped hour reads with the offset before the change, which lands right after the gap.
    return datetime.combine(local_date, time(hour), ZoneInfo(schedule.timezone)).astimezone(UTC)


def windows_until(schedule: Schedule, start: datetime, until: datetime) -> Iterator[Window]:
    """The windows from `start` on that have ended by `until`. The first one may be short: it begins at `start`."""
    end = boundary_after(schedule, start)
    while end <= until:
        yield Window(start, end)
        start, end = end, boundary_after(schedule, end)


def windows_covering(schedule: Schedule, start: datetime, end: datetime) -> Iterator[Window]:
    """`[start, end)` cut at every boundary, so that what is asked for is covered exactly."""
    while start < end:
        following = min(boundary_after(schedule, start), end)
        yield Window(start, following)
        start = following


def _first_date(schedule: Schedule, near: date) -> date:
    if schedule.interval == "day":
        return near
    return near - timedelta(days=(near.isoweekday() - schedule.weekday) % 7)
