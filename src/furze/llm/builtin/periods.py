"""The period a query covers, as its date range and as HogQL conditions. Pure."""

import re
from typing import Any

from furze.llm.builtin.dates import ALL_TIME, Range
from furze.llm.builtin.reading import Question

_DEFAULT_RANGES = {
    "hour": Range("-24h", None, "the last 24 hours"),
    "day": Range("-30d", None, "the last 30 days"),
    "week": Range("-12w", None, "the last 12 weeks"),
    "month": Range("-12m", None, "the last 12 months"),
    "quarter": Range("-24m", None, "the last 24 months"),
    "year": Range("all", None, "all time"),
}


def period_of(question: Question) -> Range:
    if question.times.range is not None:
        return question.times.range
    if question.times.compares:
        unit = question.times.compare_to[-1:] or "w"
        word = {"h": "hour", "d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}[unit]
        return Range(f"{unit}Start", None, f"this {word} so far")
    if question.times.interval is not None:
        return _DEFAULT_RANGES[question.times.interval or "day"]
    return ALL_TIME


def dated(question: Question) -> dict[str, Any]:
    period = period_of(question)
    question.notes.insert(0, f"period: {period.words}")
    return {"dateRange": {"date_from": period.date_from, "date_to": period.date_to}}


_STARTS: dict[str, str] = {
    "h": "toStartOfHour",
    "d": "toStartOfDay",
    "m": "toStartOfMonth",
    "q": "toStartOfQuarter",
    "y": "toStartOfYear",
}


_SPANS = {"h": "HOUR", "d": "DAY", "w": "WEEK", "m": "MONTH", "q": "QUARTER", "y": "YEAR"}


def moments(period: Range) -> list[str]:
    """A period as HogQL conditions, to the same instants as the query kinds resolve it to."""
    if period.date_from == "all":
        return []
    made = [f"timestamp >= {_moment(period.date_from)}"]
    if period.date_to is not None:
        made.append(f"timestamp < {_moment(period.date_to, is_end=True)}")
    return made


def _moment(text: str, *, is_end: bool = False) -> str:
    match = re.fullmatch(r"-?(\d*)([hdwmqy])(Start|End)?", text)
    if match is None:
        return f"toDateTime('{text} 00:00:00') + INTERVAL {1 if is_end else 0} DAY"
    count, unit = int(match[1] or 0), match[2]
    shifted = f"now() - INTERVAL {count} {_SPANS[unit]}"
    if unit == "h" and not match[3]:
        return shifted
    if not match[3]:
        return f"toStartOfDay({shifted})"
    start = f"toStartOfWeek({shifted}, 1)" if unit == "w" else f"{_STARTS[unit]}({shifted})"
    return f"{start} + INTERVAL 1 {_SPANS[unit]}" if is_end else start
