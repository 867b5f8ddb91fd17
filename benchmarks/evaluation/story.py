"""The demo's events in memory, and plain Python that counts them: no query, no code of the server."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

Span = tuple[datetime, datetime]

#: What the questions call the properties.
NAMES = {
    "browser": "$browser",
    "os": "$os",
    "device": "$device_type",
    "country": "$geoip_country_code",
    "path": "$pathname",
    "referrer": "$referring_domain",
    "source": "utm_source",
    "medium": "utm_medium",
    "error": "$exception_type",
    "session": "$session_id",
}


@dataclass(frozen=True)
class Event:
    """One event, with the person it belongs to in the end."""

    name: str
    at: datetime
    person: str
    facts: dict[str, Any]

    def fact(self, name: str) -> Any:
        """A property by the name that the questions use."""
        return self.facts.get(NAMES.get(name, name))


class Story:
    """What happened, and who did it. `now` is the moment a question is asked."""

    def __init__(self, raw: Iterable[dict[str, Any]], now: datetime) -> None:
        self.raw = list(raw)
        self.now = now
        merged = {
            each["properties"]["$anon_distinct_id"]: each["distinct_id"]
            for each in self.raw
            if each["event"] == "$identify"
        }
        self.events = [
            Event(
                each["event"],
                datetime.fromisoformat(each["timestamp"]),
                merged.get(each["distinct_id"], each["distinct_id"]),
                each["properties"],
            )
            for each in self.raw
        ]

    @cached_property
    def people(self) -> dict[str, dict[str, Any]]:
        """Everybody, with what is known of them now. A group's identification makes nobody known."""
        found: dict[str, dict[str, Any]] = {}
        for each in sorted(self.events, key=lambda each: each.at):
            facts = found.setdefault(each.person, {})
            for name, value in each.facts.get("$set_once", {}).items():
                facts.setdefault(name, value)
            facts.update(each.facts.get("$set", {}))
        return found

    def of(self, name: str, span: Span | None = None, **where: Any) -> list[Event]:
        """The events of a name in a span with these properties; `who_` before a property means the person's."""
        return [
            each
            for each in self.events
            if each.name == name
            and (span is None or span[0] <= each.at < span[1])
            and all(_is(self._fact(each, key), wanted) for key, wanted in where.items())
        ]

    def _fact(self, event: Event, key: str) -> Any:
        return self.people[event.person].get(key[4:]) if key.startswith("who_") else event.fact(key)

    def count(self, name: str, span: Span | None = None, **where: Any) -> int:
        """How many events."""
        return len(self.of(name, span, **where))

    def heads(self, name: str, span: Span | None = None, **where: Any) -> int:
        """How many different people."""
        return len({each.person for each in self.of(name, span, **where)})

    def total(self, name: str, fact: str, span: Span | None = None, **where: Any) -> float:
        """The sum of a property."""
        return sum(each.fact(fact) or 0 for each in self.of(name, span, **where))

    def mean(self, name: str, fact: str, span: Span | None = None, **where: Any) -> float:
        """The average of a property over the events that have it."""
        values = self.values(name, fact, span, **where)
        return sum(values) / len(values)

    def values(self, name: str, fact: str, span: Span | None = None, **where: Any) -> list[float]:
        """A property's values, in order of size."""
        found = (each.fact(fact) for each in self.of(name, span, **where))
        return sorted(value for value in found if value is not None)

    def by(self, name: str, fact: str, span: Span | None = None, **where: Any) -> dict[Any, int]:
        """Events by the value of a property; `who_` before it means the person's."""
        found = Counter(self._fact(each, fact) for each in self.of(name, span, **where))
        return {value: count for value, count in found.items() if value is not None}

    def heads_by(self, name: str, fact: str, span: Span | None = None, **where: Any) -> dict[Any, int]:
        """Different people by the value of a property."""
        found: dict[Any, set[str]] = defaultdict(set)
        for each in self.of(name, span, **where):
            found[self._fact(each, fact)].add(each.person)
        return {value: len(people) for value, people in found.items() if value is not None}

    def total_by(self, name: str, summed: str, fact: str, span: Span | None = None, **where: Any) -> dict[Any, float]:
        """The sum of a property by the value of another."""
        found: dict[Any, float] = defaultdict(float)
        for each in self.of(name, span, **where):
            found[self._fact(each, fact)] += each.fact(summed) or 0
        return {value: amount for value, amount in found.items() if value is not None}

    def best(self, name: str, span: Span | None = None, *, summed: str | None = None, **where: Any) -> dict[str, float]:
        """How often, or how much, each person did it."""
        found: dict[str, float] = defaultdict(float)
        for each in self.of(name, span, **where):
            found[each.person] += 1 if summed is None else each.fact(summed) or 0
        return found

    def steps(self, *names: str, days: float = 14, span: Span | None = None, **where: Any) -> list[int]:
        """How many people did these in this order, the last within `days` of the first."""
        mine: dict[str, list[Event]] = defaultdict(list)
        for name in dict.fromkeys(names):
            for each in self.of(name, span, **where):
                mine[each.person].append(each)
        reached = [_furthest(sorted(each, key=lambda e: e.at), names, timedelta(days=days)) for each in mine.values()]
        return [sum(depth > index for depth in reached) for index in range(len(names))]

    def per(self, unit: str, span: Span, count: Callable[[Span], float]) -> list[float]:
        """A count for each day, week or month that the span touches."""
        return [count((max(each[0], span[0]), min(each[1], span[1]))) for each in self.units(unit, span)]

    def units(self, unit: str, span: Span) -> Iterator[Span]:
        """The calendar units that a span touches; weeks begin on Sunday."""
        edges = [_start(unit, span[0])]
        while edges[-1] < span[1]:
            edges.append(_next(unit, edges[-1]))
        yield from pairwise(edges)

    def came_back(self, start: str, back: str, unit: str, count: int) -> tuple[int, int]:
        """Of the people whose first `start` fell in a whole unit: how many there are, and who came the unit after."""
        first: dict[str, datetime] = {}
        for each in sorted(self.of(start), key=lambda each: each.at):
            first.setdefault(each.person, each.at)
        visits = defaultdict(set)
        for each in self.of(back):
            visits[each.person].add(_start(unit, each.at))
        newest, edge = _start(unit, self.now), _start(unit, self.now)
        for _ in range(count - 1):
            edge = _start(unit, edge - timedelta(hours=1))
        begun = [(who, _start(unit, at)) for who, at in first.items() if edge <= _start(unit, at)]
        whole = [(who, at) for who, at in begun if _next(unit, at) < newest]
        return len(whole), sum(_next(unit, at) in visits[who] for who, at in whole)

    def last(self, count: int, unit: str = "day") -> Span:
        """The last so many units up to now, from the start of a day."""
        if unit == "hour":
            return self.now - timedelta(hours=count), self.now
        back = self.now - timedelta(days=count * {"day": 1, "week": 7}[unit])
        return _start("day", back), self.now

    def this(self, unit: str) -> Span:
        """The unit that goes on now; a week begins on Monday."""
        return _said(unit, self.now), self.now

    def whole(self, unit: str) -> Span:
        """The unit before the one that goes on now."""
        end = _said(unit, self.now)
        return _said(unit, end - timedelta(hours=1)), end

    def so_far_before(self, unit: str) -> Span:
        """The unit before, up to the end of the same day in it as today."""
        start, end = self.whole(unit)
        days = (_start("day", self.now) - end).days + 1
        return start, min(end, start + timedelta(days=days))

    def day(self, back: int) -> Span:
        """A whole day, so many days ago."""
        start = _start("day", self.now) - timedelta(days=back)
        return start, start + timedelta(days=1)

    def since(self, back: int) -> Span:
        """From the start of a day, so many days ago."""
        return self.day(back)[0], self.now


def _is(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return value is not None and bool(wanted(value))
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _furthest(events: list[Event], names: tuple[str, ...], window: timedelta) -> int:
    best = 0
    for index, first in enumerate(events):
        if first.name != names[0]:
            continue
        depth = 1
        for each in events[index + 1 :]:
            if depth < len(names) and each.name == names[depth] and each.at - first.at <= window:
                depth += 1
        best = max(best, depth)
    return best


def _said(unit: str, at: datetime) -> datetime:
    """Where a unit begins that is named in words; charts have their weeks begin on Sunday."""
    day = _start("day", at)
    return day - timedelta(days=day.weekday()) if unit == "week" else _start(unit, at)


def _start(unit: str, at: datetime) -> datetime:
    at = at.astimezone(UTC)
    if unit == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return day.replace(day=1) if unit == "month" else day


def _next(unit: str, start: datetime) -> datetime:
    return _start(
        unit,
        start
        + {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(unit, timedelta(days=7 if unit == "week" else 32)),
    )
