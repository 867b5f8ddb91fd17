"""Date ranges as PostHog writes them: `-7d`, `-1mStart`, `dStart`, `all`, ISO dates; and the period before one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from furze.hogql.dates import parse_date
from furze.hogql.errors import HogQLError
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.buckets import Interval, shift, start_of

_RELATIVE: Final = re.compile(r"[+-]?\d*([sMhHdDwWmqQyY])(?:Start|End)?")
_SPAN: Final = re.compile(r"[+-]?(\d+)([sMhdwmqy])")
_UNITS: Final[dict[str, Interval]] = {
    "s": "second",
    "M": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "m": "month",
    "q": "quarter",
    "y": "year",
}
_SHORT: Final = frozenset({"s", "M", "h", "H"})
#: Nothing was tracked before; a wrong clock may say otherwise.
EARLIEST: Final = datetime(2010, 1, 1, tzinfo=UTC)


class DateRange(Body):
    """`dateRange` of a query. `explicitDate` keeps the times of day as they are given."""

    date_from: str | None = None
    date_to: str | None = None
    explicitDate: bool | None = False


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`, both included, aware, in UTC."""

    start: datetime
    end: datetime

    def before(self, compare_to: str | None, timezone: str) -> "Period":
        """The period that this one is compared with: the one right before, or the same some time earlier."""
        if compare_to:
            zone = ZoneInfo(timezone)
            start, end = (_moved(moment.astimezone(zone), compare_to) for moment in (self.start, self.end))
            return Period(start.astimezone(UTC), end.astimezone(UTC))
        length = self.end - self.start
        if length % timedelta(days=1) > timedelta(hours=23, minutes=59, seconds=58):
            length = timedelta(days=length // timedelta(days=1) + 1)
        return Period(self.start - length, self.end - length)


def resolve(
    dates_asked: DateRange, now: datetime, timezone: str, *, interval: Interval = "day", default: str = "-7d"
) -> Period:
    """The period a date range means. Whole days, unless it is given in hours or with times of day."""
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    start, start_is_exact = _moment(dates_asked.date_from or default, local, "date_from")
    end, end_is_exact = _moment(dates_asked.date_to, local, "date_to") if dates_asked.date_to else (local, False)
    is_short = interval in ("second", "minute", "hour")
    if not (start_is_exact or dates_asked.explicitDate):
        start = start_of(start, interval if is_short else "day")
    if not (end_is_exact or dates_asked.explicitDate or (is_short and not dates_asked.date_to)):
        end = start_of(end, "day") + timedelta(days=1) - timedelta(microseconds=1)
    if end < start:
        raise InvalidInput(
            f"The date range ends ({end:%Y-%m-%d}) before it starts ({start:%Y-%m-%d}).", attr="query__dateRange"
        )
    return Period(start.astimezone(UTC), end.astimezone(UTC))


def _moment(text: str, local: datetime, field: str) -> tuple[datetime, bool]:
    """A point in local time, and whether its time of day counts."""
    try:
        moment = parse_date(text, now=local, timezone=str(local.tzinfo))
    except HogQLError as error:
        raise InvalidInput(error.message, attr=f"query__dateRange__{field}") from error
    if moment is None:
        return EARLIEST.astimezone(local.tzinfo), True
    match = _RELATIVE.fullmatch(text.strip())
    return moment, match[1] in _SHORT if match else "T" in text or ":" in text


def _moved(local: datetime, compare_to: str) -> datetime:
    match = _SPAN.fullmatch(compare_to)
    if match is None:
        raise InvalidInput(
            f"{compare_to!r} is no time span. Use one such as '-1m' or '-1y'.", attr="query__compareFilter__compare_to"
        )
    return shift(local, _UNITS[match[2]], -int(match[1]))
