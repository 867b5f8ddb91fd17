"""Questions about coming back. Pure."""

import re
from dataclasses import replace
from typing import Any

from furze.llm.builtin.dates import ALL_TIME
from furze.llm.builtin.periods import dated
from furze.llm.builtin.phrases import BUYERS, PEOPLE
from furze.llm.builtin.reading import Question, Reading, Unclear, filters, find_names

_RETENTION = (
    r"retention(?: rates?)?|retain(?:ed|ing)?|c(?:o|a)me? back|coming back|return(?:ing|ed|s)?(?: (?:later|again))?"
    r"|stick(?:ing)? around|stay(?:ed|ing)?"
)


_UNITS = {"h": "hour", "d": "day", "w": "week", "m": "month"}


def retention(question: Question) -> Reading | None:
    if not question.has(_RETENTION) or question.has(
        r"new (?:vs|versus|and|or) return\w*|return\w* (?:vs|versus|and|or) new"
    ):
        return None
    named = _unit_named(question)
    while question.take(_RETENTION, "retention"):
        pass
    for pattern in (
        PEOPLE,
        (
            r"users|curve|cohorts?|weeks?|months?|days?|after|first|next|following|again"
            r"|later|of|once|rate|share|percentage|percent|what|how well|new|visits?|visiting|visited"
        ),
    ):
        while question.take(pattern, "retention"):
            pass
    buyers = question.take(BUYERS, "people")
    find_names(question)
    if buyers and not any(each.event for each in question.mentions):
        raise Unclear("Name the events: which one people start with, and which one they come back to.")
    names = _start_and_return(question)
    asked = question.times.interval or _UNITS.get(question.times.compare_to[-1:], "")  # “day over day”
    if asked and named and asked != named:
        raise Unclear(f"Retention per {asked} or per {named}? Say which.")
    unit = asked or named
    period = {"day": "Day", "month": "Month", "hour": "Hour"}.get(unit, "Week")
    properties = filters(question, names)
    entities = [{"id": name, "name": name, "type": "events"} for name in names]
    options = {
        "period": period,
        "totalIntervals": _intervals(question, period),
        "retentionType": "retention_first_time",
        "targetEntity": entities[0],
        "returningEntity": entities[-1],
    }
    question.notes.append(
        f"people whose first `{names[0]}` fell in each {period.lower()}, and when they came back to `{names[-1]}`"
    )
    query: dict[str, Any] = {
        "kind": "RetentionQuery",
        "retentionFilter": options,
        "dateRange": {"date_from": None, "date_to": None},
    }
    if properties:
        query["properties"] = properties
    return Reading("retention", query, f"retention by {period.lower()}")


def _unit_named(question: Question) -> str:
    """The unit of “the next day”, “after a month”, “in the following weeks”."""
    found = {match for match in ("hour", "day", "week", "month") if question.has(f"{match}s?")}
    if len(found) > 1:
        raise Unclear(f"Retention per {' or per '.join(sorted(found))}? Say which.")
    return found.pop() if found else ""


def _start_and_return(question: Question) -> list[str]:
    """The event people start with and the one they come back to: any visit, unless the question names it."""
    events = [each for each in question.mentions if each.event is not None]
    if len(events) > 2:
        raise Unclear("Retention has one starting and one returning event.")
    for each in events:
        question.mark(each, "step")
    visit = question.taxonomy.visit_event
    names = [each.event or "" for each in events] or ([visit] if visit else [])
    if not names:
        raise Unclear("Name the event that people start with and come back to.")
    if len(names) == 1 and visit is not None and not question.has(r"again|repeat\w*"):
        names = [names[0], visit]
    return names


def _intervals(question: Question, period: str) -> int:
    """How many of the latest weeks, days or months are shown."""
    asked = question.times.range
    if asked is None or asked == ALL_TIME:
        return {"Hour": 24, "Day": 11, "Week": 8, "Month": 6}[period]
    match = re.fullmatch(rf"-(\d+){period[0].lower()}", asked.date_from)
    if match is None or asked.date_to is not None or not 1 <= int(match[1]) <= 30:
        raise Unclear("Retention is shown for the latest weeks, days or months; ask without other dates.")
    question.notes.append(asked.words)
    return int(match[1]) + 1


def lifecycle(question: Question) -> Reading | None:
    if not question.take(
        (
            r"(?:user )?lifecycle|new (?:vs|versus|and|or) return\w*(?: (?:\w+))?|return\w* "
            r"(?:vs|versus|and|or) new|dormant|resurrect\w*"
        ),
        "lifecycle",
    ):
        return None
    for pattern in (PEOPLE, r"new|returning|dormant|resurrect\w*|and|vs|versus"):
        while question.take(pattern, "lifecycle"):
            pass
    event = question.taxonomy.visit_event
    if event is None:
        raise Unclear("Name the event that makes somebody active.")
    interval = question.times.interval or "day"
    question.times = replace(question.times, interval=interval)
    query = {
        "kind": "LifecycleQuery",
        "series": [{"kind": "EventsNode", "event": event, "name": event}],
        "interval": interval,
    } | dated(question)
    question.notes.append(f"by `{event}`, per {interval}")
    return Reading("lifecycle", query, "new, returning, resurrecting and dormant people")
