"""Date ranges as PostHog writes them: ISO dates, `-7d`, `-1mStart`, `dStart`, `all`."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from furze.hogql.errors import HogQLError

_RELATIVE: Final = re.compile(r"(?P<sign>[-+]?)(?P<count>\d{0,6})(?P<unit>[smhdwqyMHDWQY])(?P<edge>Start|End)?")
_DATE_ONLY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECONDS: Final = {"s": 1, "M": 60, "h": 3600, "H": 3600}
_DAYS: Final = {"d": 1, "D": 1, "w": 7, "W": 7}
_MONTHS: Final = {"m": 1, "q": 3, "Q": 3, "y": 12, "Y": 12}
_ONE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of time as it came over the wire."""

    date_from: str | None = None
    date_to: str | None = None


@dataclass(frozen=True, slots=True)
class Moments:
    """A range of time as moments, both inclusive; None is open."""

    start: datetime | None
    end: datetime | None


def resolve_date_range(date_range: DateRange, *, now: datetime, timezone: str) -> Moments:
    """The moments of a range. A day without a time ends at its last microsecond."""
    start = parse_date(date_range.date_from, now=now, timezone=timezone)
    end = parse_date(date_range.date_to, now=now, timezone=timezone)
    text = (date_range.date_to or "").strip()
    if end is not None and _DATE_ONLY.fullmatch(text):
        end = end + timedelta(days=1) - _ONE
    return Moments(start, end)


def parse_date(text: str | None, *, now: datetime, timezone: str) -> datetime | None:
    """One end of a range as a moment in `timezone`; None for `all` and for nothing.

    `-7d` is seven days before `now`; s, M (minutes), h, d, w, m (months), q and y count; `Start` and `End` go
    to the edge of that unit, so that `-1mEnd` is the last microsecond of the month before.
    """
    if text is None or not text.strip() or text.strip() == "all":
        return None
    zone = ZoneInfo(timezone)
    relative = _RELATIVE.fullmatch(text.strip())
    if relative:
        return _relative(relative, now.astimezone(zone))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise HogQLError(f"{text!r} is no date; write '2026-01-31', '-7d', '-1mStart' or 'all'") from error
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _relative(found: re.Match[str], now: datetime) -> datetime:
    unit = found["unit"]
    count = int(found["count"] or (0 if found["edge"] or not found["sign"] else 1))
    if found["sign"] == "-":
        count = -count
    try:
        moved = _moved(now, unit, count)
        if found["edge"] is None:
            return moved
        start = start_of(unit, moved)
        return start if found["edge"] == "Start" else _moved(start, unit, 1) - _ONE
    except (OverflowError, ValueError) as error:
        raise HogQLError(f"{found.group()!r} is outside the calendar") from error


def _moved(moment: datetime, unit: str, count: int) -> datetime:
    if unit in _SECONDS:
        utc = moment.astimezone(ZoneInfo("UTC")) + timedelta(seconds=count * _SECONDS[unit])
        return utc.astimezone(moment.tzinfo)
    if unit in _DAYS:
        return moment + timedelta(days=count * _DAYS[unit])
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS[unit]
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def start_of(unit: str, moment: datetime) -> datetime:
    """The first moment of the second, minute (M), hour, day, week (Monday), month (m), quarter or year."""
    if unit in _SECONDS:
        second = moment.second if unit == "s" else 0
        return moment.replace(minute=0 if unit in "hH" else moment.minute, second=second, microsecond=0)
    day = datetime.combine(moment.date(), time(), moment.tzinfo)
    months = _MONTHS.get(unit)
    if months is not None:
        return day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return day - timedelta(days=day.weekday()) if unit in "wW" else day
