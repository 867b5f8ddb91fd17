"""Time cut into equal intervals: which intervals a period touches, and in which of them a timestamp falls.

Buckets are numbered from 0, the bucket that holds the start of the period, so that queries return small integers
and nothing depends on how an engine prints dates.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from furze.hogql import ast
from furze.platform.errors import InvalidInput

Interval = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

_SECONDS: Final[dict[str, int]] = {"second": 1, "minute": 60, "hour": 3600}
_MONTHS: Final[dict[str, int]] = {"month": 1, "quarter": 3, "year": 12}
#: More buckets than anyone can look at: a range of years by the minute is a mistake.
MAX_BUCKETS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Buckets:
    """The intervals from `first` on; `first` and `end` are aware and in the project's time zone."""

    first: datetime
    end: datetime
    interval: Interval

    @property
    def timezone(self) -> str:
        """The name of the zone in which days begin."""
        return str(self.first.tzinfo)

    @property
    def count(self) -> int:
        """How many intervals there are up to and including the one that holds `end`."""
        return self.index(self.end) + 1

    def start(self, index: int) -> datetime:
        """Where a bucket begins; negative numbers lie before the first."""
        return shift(self.first, self.interval, index)

    def starts(self) -> list[datetime]:
        """Where each bucket begins."""
        return [self.start(index) for index in range(self.count)]

    def index(self, instant: datetime) -> int:
        """The number of the bucket that holds an instant."""
        if self.interval in _SECONDS:
            return int((instant - self.first) // timedelta(seconds=_SECONDS[self.interval]))
        local = instant.astimezone(self.first.tzinfo)
        if self.interval in _MONTHS:
            months = (local.year - self.first.year) * 12 + local.month - self.first.month
            return months // _MONTHS[self.interval]
        return (local.date() - self.first.date()).days // (7 if self.interval == "week" else 1)

    def expression(self, time: ast.Expr) -> ast.Expr:
        """The number of the bucket that holds `time`, computed by the engine."""
        if self.interval in _SECONDS:
            seconds = ast.ArithmeticOperation(
                ast.Call("toUnixTimestamp", (time,)), ast.Constant(int(self.first.timestamp())), "-"
            )
            return _floor_divided(seconds, _SECONDS[self.interval])
        unit = "month" if self.interval in _MONTHS else "day"
        zone = ast.Constant(self.timezone)
        passed = ast.Call("dateDiff", (ast.Constant(unit), ast.Constant(self.first.astimezone(UTC)), time, zone))
        return _floor_divided(passed, _MONTHS.get(self.interval, 7 if self.interval == "week" else 1))


def buckets(start: datetime, end: datetime, interval: Interval, timezone: str) -> Buckets:
    """The intervals that hold `start` … `end`, both aware."""
    zone = ZoneInfo(timezone)
    made = Buckets(start_of(start.astimezone(zone), interval), end.astimezone(zone), interval)
    if made.count > MAX_BUCKETS:
        raise InvalidInput(
            f"{made.count} intervals of one {interval} are too many. Choose a longer interval or a shorter date range."
        )
    return made


def start_of(local: datetime, interval: Interval) -> datetime:
    """The beginning of the interval that holds a local time; weeks begin on Sunday."""
    if interval in _SECONDS:
        seconds = _SECONDS[interval]
        into = (local.minute * 60 + local.second) % seconds
        return shift(local.replace(microsecond=0), "second", -into)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if interval == "week":
        return midnight - timedelta(days=midnight.isoweekday() % 7)
    if interval in _MONTHS:
        span = _MONTHS[interval]
        return midnight.replace(day=1, month=(midnight.month - 1) // span * span + 1)
    return midnight


def shift(local: datetime, interval: Interval, count: int) -> datetime:
    """A local time moved by whole intervals; days keep their wall clock when summer time begins or ends."""
    if interval in _SECONDS:
        return (local.astimezone(UTC) + timedelta(seconds=_SECONDS[interval] * count)).astimezone(local.tzinfo)
    if interval in _MONTHS:
        return _months_later(local, _MONTHS[interval] * count)
    return local + timedelta(days=count * (7 if interval == "week" else 1))


def _months_later(local: datetime, count: int) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + count, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)


def _floor_divided(number: ast.Expr, divisor: int) -> ast.Expr:
    if divisor == 1:
        return number
    # intDiv rounds towards zero; what lies before the first bucket must be negative.
    return ast.Call("toInt64", (ast.Call("floor", (ast.ArithmeticOperation(number, ast.Constant(divisor), "/"),)),))
