"""When an event happened: many spellings, clocks that are wrong, one instant in UTC."""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: An event further in the future than this happened now: no zone confusion explains more.
FUTURE_LIMIT = timedelta(hours=23)

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_FAR_YEAR = re.compile(r"[+-]\d{4,}-|\d{5,}-")
_LONGEST_TEXT = 64
# Seconds until the year 5138; a larger number counts a smaller unit.
_LARGEST_SECONDS = 1e11


def parse_instant(value: object) -> datetime | None:
    """The instant that a JSON value names, or None. Text without a zone is UTC; a year outside 0…9999 is the epoch.

    Reads RFC 3339 and its relatives (date only, slashes, short zones), RFC 2822, and epoch numbers, which are
    seconds, milliseconds, microseconds or nanoseconds by their size.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_number(value)
    return None


def settle(
    timestamp: object, *, offset_ms: object = None, sent_at: datetime | None = None, received_at: datetime
) -> datetime:
    """The instant to store: corrected by how wrong the sender's clock is (`sent_at`), never absurd.

    `offset_ms`, the event's age when it was sent, beats `timestamp`.
    """
    instant = _age(offset_ms, received_at)
    if instant is None:
        instant = parse_instant(timestamp)
        if instant is None:
            return received_at
        if sent_at is not None:
            instant = _shift(instant, received_at - sent_at)
    if instant > received_at + FUTURE_LIMIT:
        return received_at
    return max(instant, EPOCH)


def _from_text(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        text = text.strip()
        if len(text) > _LONGEST_TEXT:
            return None
        instant_or_none = _from_odd_text(text)
        if instant_or_none is None:
            return None
        instant = instant_or_none
    return _in_utc(instant)


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in a zone that leaves it
        return EPOCH


def _from_odd_text(text: str) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _from_number(float(text))
    if _FAR_YEAR.match(text):
        return EPOCH
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _from_number(number: float) -> datetime | None:
    try:
        seconds = float(number)
    except OverflowError:
        return None
    if not math.isfinite(seconds):
        return None
    while abs(seconds) > _LARGEST_SECONDS and abs(seconds) < _LARGEST_SECONDS * 1e9:
        seconds /= 1000
    return _shift(EPOCH, timedelta(seconds=seconds)) if abs(seconds) <= _LARGEST_SECONDS else None


def _age(offset_ms: object, received_at: datetime) -> datetime | None:
    if not isinstance(offset_ms, int | float) or isinstance(offset_ms, bool):
        return None
    try:
        return received_at - timedelta(milliseconds=offset_ms)
    except (OverflowError, ValueError):
        return None


def _shift(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant + by
    except OverflowError:
        return EPOCH
