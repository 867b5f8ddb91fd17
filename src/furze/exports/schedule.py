"""When an export runs: an interval, a zone and an offset cut time into windows. Pure.

Windows are half-open and tile time: each begins where the one before it ends. Daily and weekly boundaries are a local
hour on a local date, so a day is 23 or 25 hours long where clocks change, and each local date begins exactly once:
an hour that the change skips falls on the instant right after it, one that it repeats on its first occurrence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

Interval = Literal["hour", "day", "week", "every 5 minutes", "every 15 minutes"]

_PERIODS: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "every 5 minutes": timedelta(minutes=5),
    "every 15 minutes": timedelta(minutes=15),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time: `start` is in it, `end` is not. No start means from the beginning of time."""

    start: datetime | None
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """How time is cut. `offset_seconds` moves the boundary of a day from midnight, of a week from Sunday midnight."""

    interval: Interval
    timezone: str = "UTC"
    offset_seconds: int = 0

    @property
    def is_calendar(self) -> bool:
        """Whether boundaries follow local dates rather than a fixed period."""
        return self.interval in ("day", "week")

    @property
    def weekday(self) -> int:
        """The day on which a week begins, 0 for Sunday."""
        return self.offset_seconds // _DAY_SECONDS

    @property
    def length(self) -> timedelta:
        """How long a window is, as the clock on the wall counts it."""
        return {"day": timedelta(days=1), "week": timedelta(days=7)}.get(self.interval) or _PERIODS[self.interval]


def boundary_before(schedule: Schedule, instant: datetime) -> datetime:
    """The last boundary at or before an instant."""
    if not schedule.is_calendar:
        period = _PERIODS[schedule.interval]
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
        return boundary_before(schedule, instant) + _PERIODS[schedule.interval]
    local = instant.astimezone(ZoneInfo(schedule.timezone)).date()
    earliest = _first_date(schedule, local - timedelta(days=1))
    for ahead in count():
        boundary = boundary_on(schedule, earliest + ahead * schedule.length)
        if boundary > instant:
            return boundary
    raise AssertionError("unreachable: dates go on for ever")


def boundary_on(schedule: Schedule, local_date: date) -> datetime:
    """The instant at which the day, or the week, of a local date begins."""
    hour = schedule.offset_seconds % _DAY_SECONDS // 3600
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
