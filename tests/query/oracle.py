"""What queries should answer, computed from plain Python values without a database."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.query.world import NOW, Happened

MISSING = "$$_posthog_breakdown_null_$$"


class Cut:
    """Intervals of local time: `keys` in order, and the key of any instant."""

    def __init__(self, days_back: int, interval: str, zone: str, *, end: datetime = NOW) -> None:
        self.zone, self.interval = ZoneInfo(zone), interval
        local = end.astimezone(self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        self.start = midnight - timedelta(days=days_back)
        self.end = local if interval == "hour" else midnight + timedelta(days=1) - timedelta(microseconds=1)
        self.keys: list[Any] = []
        moment = self.start.astimezone(UTC)
        while moment <= self.end:
            if (key := self.key(moment)) not in self.keys[-1:]:
                self.keys.append(key)
            moment += timedelta(minutes=15 if interval == "hour" else 60)

    def key(self, time: datetime) -> Any:
        local = time.astimezone(self.zone)
        if self.interval == "hour":
            return local.date(), local.hour
        if self.interval == "day":
            return local.date()
        if self.interval == "week":
            return local.date() - timedelta(days=local.isoweekday() % 7)
        return local.year, local.month

    def holds(self, time: datetime) -> bool:
        return self.start <= time <= self.end

    def number(self, time: datetime) -> int:
        return self.keys.index(self.key(time))


def quantile(values: Iterable[float], level: float) -> float:
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "median": lambda values: quantile(values, 0.5),
    "p75": lambda values: quantile(values, 0.75),
    "p90": lambda values: quantile(values, 0.90),
    "p95": lambda values: quantile(values, 0.95),
    "p99": lambda values: quantile(values, 0.99),
}


def price(event: Happened) -> float | None:
    try:
        return float(event.properties.get("price", ""))
    except ValueError:
        return None


def _aggregate(math_name: str, events: list[Happened]) -> float:
    if math_name == "total":
        return len(events)
    if math_name == "dau":
        return len({event.person for event in events})
    if math_name == "unique_group":
        return len({event.group for event in events if event.group})
    if math_name == "unique_session":
        return len({event.properties["$session_id"] for event in events if "$session_id" in event.properties})
    if math_name.endswith("_count_per_actor"):
        counts = list(Counter(event.person for event in events).values())
        return NUMBERS[math_name.removesuffix("_count_per_actor")]([float(count) for count in counts]) if counts else 0
    numbers = [number for event in events if (number := price(event)) is not None]
    return NUMBERS[math_name](numbers) if numbers else 0


def trend(events: list[Happened], cut: Cut, math_name: str) -> list[float]:
    """The numbers of one series; `events` are those of the series at any time."""
    within = [event for event in events if cut.holds(event.time)]
    if math_name == "first_time_for_user":
        firsts: dict[Any, Happened] = {}
        for event in events:
            firsts.setdefault(event.person, event)
        return _by_bucket([event for event in firsts.values() if cut.holds(event.time)], cut, "total")
    if math_name in ("weekly_active", "monthly_active"):
        return _active(events, cut, 7 if math_name == "weekly_active" else 30)
    return _by_bucket(within, cut, math_name)


def _by_bucket(events: list[Happened], cut: Cut, math_name: str) -> list[float]:
    groups: dict[Any, list[Happened]] = defaultdict(list)
    for event in events:
        groups[cut.key(event.time)].append(event)
    return [_aggregate(math_name, groups[key]) for key in cut.keys]


def _active(events: list[Happened], cut: Cut, days: int) -> list[float]:
    numbers = []
    for key in cut.keys:
        day = key + timedelta(days=6) if cut.interval == "week" else key
        day = min(day, cut.end.date()) if cut.interval == "week" else day
        first = day - timedelta(days=days - 1)
        seen = {e.person for e in events if first <= e.time.astimezone(cut.zone).date() <= day and e.time <= cut.end}
        numbers.append(len(seen))
    return numbers


def breakdown(event: Happened, name: str) -> str:
    value = event.properties.get(name)
    return MISSING if value in (None, "") else str(value)


def retention(events: list[Happened], cut: Cut, target: str, returning: str, kind: str) -> dict[tuple[int, int], int]:
    counts: Counter[tuple[int, int]] = Counter()
    for person in {event.person for event in events}:
        own = [event for event in events if event.person == person]
        starts = {cut.number(e.time) for e in own if e.name == target and cut.holds(e.time)}
        if kind != "retention_recurring":
            first = next((e for e in own if e.name == target), None)
            starts = {cut.number(first.time)} if first and cut.holds(first.time) else set()
        returns = {cut.number(e.time) for e in own if e.name == returning and cut.holds(e.time)}
        for start in starts:
            counts.update({(start, 0): 1, **{(start, later - start): 1 for later in returns if later > start}})
    return dict(counts)


def lifecycle(events: list[Happened], cut: Cut) -> dict[str, list[int]]:
    """`cut` has one interval before the period as its first."""
    counts = {status: [0] * len(cut.keys) for status in ("new", "returning", "resurrecting", "dormant")}
    for person in {event.person for event in events}:
        own = [event for event in events if event.person == person and cut.holds(event.time)]
        active = sorted({cut.number(event.time) for event in own})
        if not active:
            continue
        born = own[0].person_created_at
        first = active[0] if born > own[0].time or cut.key(born) == cut.keys[active[0]] else -1
        for number in active:
            known = "returning" if number - 1 in active else "resurrecting"
            counts["new" if number == first else known][number] += 1
            if number + 1 not in active and number + 1 < len(cut.keys):
                counts["dormant"][number + 1] -= 1
    return {status: numbers[1:] for status, numbers in counts.items()}


def stickiness(events: list[Happened], cut: Cut) -> Counter[int]:
    days: dict[Any, set[Any]] = defaultdict(set)
    for event in events:
        if cut.holds(event.time):
            days[event.person].add(cut.key(event.time))
    return Counter(len(each) for each in days.values())


def paths(events: list[Happened], cut: Cut, *, steps: int, start: str | None, end: str | None) -> dict[Any, Any]:
    """Edges with how often and the mean milliseconds."""
    edges: dict[tuple[str, str], list[float]] = defaultdict(list)
    for person in {event.person for event in events}:
        own = sorted((_milliseconds(e.time), _item(e)) for e in events if e.person == person and cut.holds(e.time))
        for visit in _visits(own):
            path = _limited([v for i, v in enumerate(visit) if i == 0 or visit[i - 1][1] != v[1]], steps, start, end)
            for number, (before, after) in enumerate(pairwise(path), 1):
                edges[f"{number}_{before[1]}", f"{number + 1}_{after[1]}"].append(after[0] - before[0])
    return {edge: (len(times), math.fsum(times) / len(times)) for edge, times in edges.items()}


def _limited(path: list[Any], steps: int, start: str | None, end: str | None) -> list[Any]:
    items = [item for _, item in path]
    if start is not None:
        path = path[items.index(start) :] if start in items else []
        items = [item for _, item in path]
    if end is not None:
        path = path[: items.index(end) + 1] if end in items else []
        if start is None:
            return path[-steps:]
    if start is not None and end is not None and len(path) > steps:
        head = -(-steps // 2)
        return [*path[:head], (path[head - 1][0], "..."), *path[len(path) - steps // 2 :]]
    return path[:steps]


def _visits(own: list[Any]) -> list[list[Any]]:
    visits: list[list[Any]] = []
    for event in own:
        if visits and event[0] - visits[-1][-1][0] <= 30 * 60 * 1000:
            visits[-1].append(event)
        else:
            visits.append([event])
    return visits


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _item(event: Happened) -> str:
    if event.name != "$pageview":
        return event.name
    url = event.properties["$current_url"]
    return url.removesuffix("/")


Timed = tuple[int, tuple[int, ...]]


def attempt(events: Sequence[Timed], steps: int, order: str, window: int, exclusion: tuple[int, int] | None) -> Any:
    """The times of the steps of an actor's best attempt."""
    if order == "unordered":
        return _best_together(events, steps, window)
    if order == "strict":
        return _best_in_a_row(events, steps, window)
    return (
        _best_with_exclusion(events, steps, window, exclusion) if exclusion else _best_in_order(events, steps, window)
    )


def _best_in_order(events: Sequence[Timed], steps: int, window: int) -> tuple[int, ...]:
    """By trying every start: the first attempt to finish, else the furthest; the latest start decides a draw."""
    tries = []
    for start, (begun, numbers) in enumerate(events):
        if 1 not in numbers:
            continue
        times, last = [begun], start
        for number, (time, found) in enumerate(events[start + 1 :], start + 1):
            if len(times) < steps and len(times) + 1 in found and time - begun <= window:
                times.append(time)
                last = number
        tries.append((len(times), -last if len(times) == steps else 0, start, tuple(times)))
    return max(tries)[3] if tries else ()


def _best_in_a_row(events: Sequence[Timed], steps: int, window: int) -> tuple[int, ...]:
    found: list[tuple[int, ...]] = []
    for first in range(len(events)):
        times: list[int] = []
        for time, numbers in events[first : first + steps]:
            if len(times) + 1 not in numbers or (times and time - times[0] > window):
                break
            times.append(time)
        if len(times) == steps:
            return tuple(times)
        found.append(tuple(times))
    return min(found, key=lambda times: (-len(times), times), default=())


def _best_with_exclusion(
    events: Sequence[Timed], steps: int, window: int, exclusion: tuple[int, int]
) -> tuple[int, ...]:
    """Each step is taken by the latest attempt that can take it; an exclusion takes attempts back."""
    standing: dict[int, tuple[int, ...]] = {}
    for time, numbers in events:
        if -1 in numbers:
            low, high = exclusion
            for step in [step for step in standing if low < step <= high and time - standing[step][0] <= window]:
                del standing[step]
        before = dict(standing)
        for step in (number for number in numbers if number > 0):
            if step == 1:
                standing[1] = (time,)
                continue
            attempt_before = before.get(step - 1)
            if attempt_before is None or time - attempt_before[0] > window:
                continue
            if step in before and before[step][0] == attempt_before[0]:
                continue
            standing[step] = (*attempt_before, time)
        if steps in standing:
            break
    return standing[max(standing)] if standing else ()


def _best_together(events: Sequence[Timed], steps: int, window: int) -> tuple[int, ...]:
    last: dict[int, int] = {}
    best: tuple[int, ...] = ()
    for time, numbers in events:
        taken = min(numbers, key=lambda step: (last.get(step, -(10**18)), step))
        last[taken] = time
        together = tuple(sorted(moment for moment in last.values() if time - moment <= window))
        if len(together) > len(best):
            best = together
    return best
