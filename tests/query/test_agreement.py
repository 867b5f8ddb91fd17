"""Every insight agrees exactly with a computation in plain Python over the same random events."""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query import oracle
from tests.query.conftest import PROJECTS
from tests.query.world import NAMES, ZONES, Happened, World

#: More of them with `QUERY_EXAMPLES=300 pytest tests/query`.
COUNT = int(os.environ.get("QUERY_EXAMPLES", "6"))
EXAMPLES = settings(
    max_examples=COUNT,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

projects = st.sampled_from(PROJECTS)
names = st.sampled_from(NAMES)
days = st.integers(0, 12)
intervals = st.sampled_from(["hour", "day", "week", "month"])
MATHS = (
    "total", "dau", "unique_session", "unique_group", "first_time_for_user", "weekly_active", "monthly_active",
    *oracle.NUMBERS, *(f"{name}_count_per_actor" for name in oracle.NUMBERS if name != "sum"),
)  # fmt: skip


def series(name: str, math: str = "total") -> dict[str, Any]:
    node = {"kind": "EventsNode", "event": name, "math": math}
    return node | ({"math_property": "price"} if math in oracle.NUMBERS else {})


def dates(back: int) -> dict[str, str]:
    return {"date_from": f"-{back}d"}


def named(world: World, project: int, name: str) -> list[Happened]:
    return [event for event in world.projects[project] if event.name == name]


def cut_of(project: int, back: int, interval: str) -> oracle.Cut:
    return oracle.Cut(back, interval, ZONES.get(project, "UTC"))


@EXAMPLES
@given(projects, names, st.sampled_from(MATHS), days, intervals)
def test_trends_of_every_math(world, project, name, math, back, interval):
    if math.endswith("_active") and interval not in ("day", "week"):
        interval = "day"
    if math == "weekly_active":
        interval = "day"
    query = {"kind": "TrendsQuery", "series": [series(name, math)], "dateRange": dates(back), "interval": interval}
    query["dateRange"] = dates(back) if interval != "hour" else {"date_from": f"-{back}dStart"}
    [result] = world.results(project, query)
    cut = cut_of(project, back, interval)
    assert result["data"] == pytest.approx(oracle.trend(named(world, project, name), cut, math), abs=1e-9)
    assert len(result["days"]) == len(cut.keys)


@EXAMPLES
@given(projects, names, days, st.sampled_from(["browser", "$current_url"]))
def test_trends_broken_down(world, project, name, back, key):
    query = {
        "kind": "TrendsQuery",
        "series": [series(name)],
        "dateRange": dates(back),
        "breakdownFilter": {"breakdown": key, "breakdown_type": "event"},
    }
    results = world.results(project, query)
    cut = cut_of(project, back, "day")
    events = [event for event in named(world, project, name) if cut.holds(event.time)]
    expected = {
        value: oracle.trend([event for event in events if oracle.breakdown(event, key) == value], cut, "total")
        for value in {oracle.breakdown(event, key) for event in events}
    }
    assert {result["breakdown_value"]: result["data"] for result in results} == expected


@EXAMPLES
@given(projects, days, st.sampled_from(["dau", "total"]))
def test_a_breakdown_limit_puts_the_rest_together(world, project, back, math):
    query = {
        "kind": "TrendsQuery",
        "series": [series("A", math)],
        "dateRange": dates(back),
        "trendsFilter": {"display": "ActionsTable"},
        "breakdownFilter": {"breakdown": "browser", "breakdown_limit": 1},
    }
    results = world.results(project, query)
    cut = cut_of(project, back, "day")
    events = [event for event in named(world, project, "A") if cut.holds(event.time)]
    groups: dict[str, list[Happened]] = {}
    for event in events:
        groups.setdefault(oracle.breakdown(event, "browser"), []).append(event)
    sizes = {value: len({e.person for e in each}) if math == "dau" else len(each) for value, each in groups.items()}
    assert len(results) == min(2, len(groups))
    if results:
        top = min(sizes, key=lambda value: (-sizes[value], value))
        others = [event for value, each in groups.items() if value != top for event in each]
        rest = len({event.person for event in others}) if math == "dau" else len(others)
        expected = [sizes[top], rest] if others else [sizes[top]]
        assert [result["aggregated_value"] for result in results] == expected


@EXAMPLES
@given(projects, st.sampled_from(["A+B", "A/B*100", "(A-B)^2", "-A+2*B"]), days)
def test_formulas_over_series(world, project, formula, back):
    query = {
        "kind": "TrendsQuery",
        "series": [series("A"), series("B", "dau")],
        "dateRange": dates(back),
        "trendsFilter": {"formula": formula},
    }
    [result] = world.results(project, query)
    cut = cut_of(project, back, "day")
    first = oracle.trend(named(world, project, "A"), cut, "total")
    second = oracle.trend(named(world, project, "B"), cut, "dau")
    compute = {
        "A+B": lambda a, b: a + b,
        "A/B*100": lambda a, b: a / b * 100 if b else 0,
        "(A-B)^2": lambda a, b: (a - b) ** 2,
        "-A+2*B": lambda a, b: -a + 2 * b,
    }[formula]
    assert result["data"] == pytest.approx([compute(a, b) for a, b in zip(first, second, strict=True)])


@EXAMPLES
@given(projects, names, st.integers(1, 8), st.integers(2, 4))
def test_smoothing_and_running_totals(world, project, name, back, smoothing):
    plain = {"kind": "TrendsQuery", "series": [series(name)], "dateRange": dates(back)}
    data = oracle.trend(named(world, project, name), cut_of(project, back, "day"), "total")
    [smooth] = world.results(project, plain | {"trendsFilter": {"smoothingIntervals": smoothing}})
    windows = [data[max(0, end - smoothing) : end] for end in range(1, len(data) + 1)]
    assert smooth["data"] == [sum(window) // len(window) for window in windows]
    running = {"trendsFilter": {"display": "ActionsLineGraphCumulative"}}
    [total] = world.results(project, plain | running)
    assert total["data"] == [sum(data[: end + 1]) for end in range(len(data))]
    [people] = world.results(project, plain | running | {"series": [series(name, "dau")]})
    cut = cut_of(project, back, "day")
    events = [event for event in named(world, project, name) if cut.holds(event.time)]
    assert people["data"] == [
        len({event.person for event in events if cut.number(event.time) <= end}) for end in range(len(data))
    ]


@EXAMPLES
@given(projects, names, st.integers(0, 5))
def test_the_period_before(world, project, name, back):
    query = {
        "kind": "TrendsQuery",
        "series": [series(name)],
        "dateRange": dates(back),
        "compareFilter": {"compare": True},
    }
    current, previous = world.results(project, query)
    longer = oracle.trend(named(world, project, name), cut_of(project, 2 * back + 1, "day"), "total")
    assert (current["compare_label"], previous["compare_label"]) == ("current", "previous")
    assert previous["data"] + current["data"] == longer


@EXAMPLES
@given(projects, names, st.sampled_from(["pro", "free"]), days)
def test_filters_on_events_people_and_groups(world, project, name, plan, back):
    filters = [
        {"key": "plan", "value": plan, "operator": "exact", "type": "person"},
        {"key": "browser", "value": ["Chrome", "it's"], "operator": "exact", "type": "event"},
    ]
    query = {"kind": "TrendsQuery", "series": [series(name)], "dateRange": dates(back), "properties": filters}
    [result] = world.results(project, query)
    events = [
        event
        for event in named(world, project, name)
        if event.plan == plan and event.properties.get("browser") in ("Chrome", "it's")
    ]
    assert result["data"] == oracle.trend(events, cut_of(project, back, "day"), "total")


ORDERS = st.sampled_from(["ordered", "strict", "unordered"])
WINDOWS = st.sampled_from([(1, "hour"), (1, "day"), (14, "day"), (10, "minute")])
SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


def best_attempts(
    world: World, project: int, back: int, steps: list[str], *, order: str, window: tuple[int, str],
    exclusion: tuple[str, int, int] | None = None,
) -> dict[Any, tuple[int, ...]]:  # fmt: skip
    cut = cut_of(project, back, "day")
    best = {}
    for person in {event.person for event in world.projects[project]}:
        timed = []
        for event in world.projects[project]:
            if event.person != person or not cut.holds(event.time):
                continue
            numbers = [number for number, name in enumerate(steps, 1) if event.name == name]
            if exclusion and event.name == exclusion[0]:
                numbers.append(-1)
            if numbers or order == "strict":
                timed.append((round(event.time.timestamp() * 1_000_000), tuple(numbers)))
        between = exclusion[1:] if exclusion else None
        reach = window[0] * SECONDS[window[1]] * 1_000_000
        found = oracle.attempt(sorted(timed), len(steps), order, reach, between)
        if found:
            best[person] = found
    return best


@settings(EXAMPLES, max_examples=3 * COUNT)
@given(projects, st.lists(names, min_size=2, max_size=4), ORDERS, WINDOWS, st.integers(1, 20))
def test_funnels_in_every_order(world, project, steps, order, window, back):
    query = {
        "kind": "FunnelsQuery",
        "series": [series(name) for name in steps],
        "dateRange": dates(back),
        "funnelsFilter": {
            "funnelOrderType": order,
            "funnelWindowInterval": window[0],
            "funnelWindowIntervalUnit": window[1],
        },
    }
    results = world.results(project, query)
    best = best_attempts(world, project, back, steps, order=order, window=window)
    assert [step["count"] for step in results] == [
        sum(len(times) >= number for times in best.values()) for number in range(1, len(steps) + 1)
    ]
    for number in range(1, len(steps)):
        times = [(each[number] - each[number - 1]) / 1e6 for each in best.values() if len(each) > number]
        expected = (sum(times) / len(times), oracle.quantile(times, 0.5)) if times else (None, None)
        found = results[number]["average_conversion_time"], results[number]["median_conversion_time"]
        assert found == (pytest.approx(expected[0]), pytest.approx(expected[1]))


@EXAMPLES
@given(projects, st.permutations(NAMES), st.sampled_from([(0, 1), (0, 2), (1, 2)]), st.integers(1, 20))
def test_funnels_with_an_exclusion(world, project, order, between, back):
    *steps, excluded = order
    query = {
        "kind": "FunnelsQuery",
        "series": [series(name) for name in steps],
        "dateRange": dates(back),
        "funnelsFilter": {
            "exclusions": [series(excluded) | {"funnelFromStep": between[0], "funnelToStep": between[1]}],
        },
    }
    best = best_attempts(
        world, project, back, steps, order="ordered", window=(14, "day"), exclusion=(excluded, *between)
    )
    counts = [sum(len(times) >= number for times in best.values()) for number in (1, 2, 3)]
    assert [step["count"] for step in world.results(project, query)] == counts


@EXAMPLES
@given(projects, st.permutations(NAMES), st.integers(1, 20))
def test_time_to_convert(world, project, order, back):
    query = {
        "kind": "FunnelsQuery",
        "series": [series(name) for name in order[:2]],
        "dateRange": dates(back),
        "funnelsFilter": {"funnelVizType": "time_to_convert", "binCount": 4},
    }
    results = world.results(project, query)
    best = best_attempts(world, project, back, list(order[:2]), order="ordered", window=(14, "day"))
    times = [(each[1] - each[0]) // 1_000_000 for each in best.values() if len(each) == 2]
    assert sum(count for _, count in results["bins"]) == len(times)
    if times:
        assert results["average_conversion_time"] == pytest.approx(sum(times) / len(times))
        width = results["bins"][1][0] - results["bins"][0][0]
        found = Counter(min(times) + (time - min(times)) // width * width for time in times)
        assert {start: count for start, count in results["bins"] if count} == dict(found)


@EXAMPLES
@given(projects, st.permutations(NAMES), st.integers(1, 15))
def test_funnels_over_time(world, project, order, back):
    query = {
        "kind": "FunnelsQuery",
        "series": [series(name) for name in order[:2]],
        "dateRange": dates(back),
        "funnelsFilter": {"funnelVizType": "trends"},
    }
    [result] = world.results(project, query)
    cut = cut_of(project, back, "day")
    entered, finished = Counter(), Counter()
    first, second = order[:2]
    for person in {event.person for event in world.projects[project]}:
        own = [e for e in world.projects[project] if e.person == person and cut.holds(e.time)]
        for day in {cut.number(event.time) for event in own if event.name == first}:
            timed = sorted(
                (round(e.time.timestamp() * 1e6), (1,) if e.name == first else (2,))
                for e in own
                if e.name == second or (e.name == first and cut.number(e.time) == day)
            )
            entered[day] += 1
            finished[day] += len(oracle.attempt(timed, 2, "ordered", 14 * 86_400 * 10**6, None)) == 2
    expected = [round(100 * finished[day] / entered[day], 2) if entered[day] else 0 for day in range(len(cut.keys))]
    assert result["data"] == expected


@EXAMPLES
@given(projects, st.permutations(NAMES), st.sampled_from(["first_touch", "last_touch", "all_events"]))
def test_funnels_broken_down(world, project, order, attribution):
    query = {
        "kind": "FunnelsQuery",
        "series": [series(name) for name in order[:2]],
        "dateRange": dates(20),
        "breakdownFilter": {"breakdown": "browser"},
        "funnelsFilter": {"breakdownAttributionType": attribution},
    }
    found = {steps[0]["breakdown_value"]: [step["count"] for step in steps] for steps in world.results(project, query)}
    assert sum(counts[0] for counts in found.values()) >= sum(counts[1] for counts in found.values())
    best = best_attempts(world, project, 20, list(order[:2]), order="ordered", window=(14, "day"))
    if attribution != "all_events":
        assert sum(counts[0] for counts in found.values()) == len(best)
        assert sum(counts[1] for counts in found.values()) == sum(len(times) == 2 for times in best.values())


@EXAMPLES
@given(projects, names, names, st.sampled_from(["Hour", "Day", "Week", "Month"]), st.integers(1, 9),
       st.sampled_from(["retention_recurring", "retention_first_time"]))  # fmt: skip
def test_retention(world, project, target, returning, period, intervals_asked, kind):
    query = {
        "kind": "RetentionQuery",
        "retentionFilter": {
            "period": period,
            "totalIntervals": intervals_asked,
            "retentionType": kind,
            "targetEntity": {"id": target},
            "returningEntity": {"id": returning},
        },
    }
    results = world.results(project, query)
    cut = cut_of(project, {"Hour": 1, "Day": 12, "Week": 80, "Month": 300}[period], period.lower())
    cut.keys = cut.keys[-intervals_asked:]
    events = world.projects[project]
    cut.holds = lambda time: time <= cut.end and cut.key(time) in cut.keys
    expected = oracle.retention(events, cut, target, returning, kind)
    found = {
        (row, offset): value["count"]
        for row, each in enumerate(results)
        for offset, value in enumerate(each["values"])
        if value["count"]
    }
    assert [len(each["values"]) for each in results] == list(range(intervals_asked, 0, -1))
    assert found == expected


@EXAMPLES
@given(projects, names, st.integers(1, 12), st.sampled_from(["day", "week"]))
def test_lifecycle(world, project, name, back, interval):
    query = {"kind": "LifecycleQuery", "series": [series(name)], "dateRange": dates(back), "interval": interval}
    found = {result["status"]: result["data"] for result in world.results(project, query)}
    cut = cut_of(project, back, interval)
    longer = cut_of(project, back + 14, interval)
    longer.keys = longer.keys[len(longer.keys) - len(cut.keys) - 1 :]
    longer.holds = lambda time: (
        time <= longer.end and longer.key(time) in longer.keys and (interval == "week" or time >= longer.start)
    )
    if interval == "week":
        start = cut.keys[0]
        longer.holds = lambda time: time <= longer.end and longer.key(time) in longer.keys
        assert start == longer.keys[1]
    assert found == oracle.lifecycle(named(world, project, name), longer)


@EXAMPLES
@given(projects, names, days, intervals)
def test_stickiness(world, project, name, back, interval):
    interval = "day" if interval == "hour" else interval
    query = {"kind": "StickinessQuery", "series": [series(name)], "dateRange": dates(back), "interval": interval}
    [result] = world.results(project, query)
    cut = cut_of(project, back, interval)
    expected = oracle.stickiness(named(world, project, name), cut)
    assert result["data"] == [expected[number] for number in range(1, len(cut.keys) + 1)]


ITEMS = st.sampled_from([None, "A", "B", "https://a.io", "https://a.io/x"])


@settings(EXAMPLES, max_examples=2 * COUNT)
@given(projects, days, st.integers(2, 6), ITEMS, ITEMS)
def test_paths(world, project, back, steps, start, end):
    query = {
        "kind": "PathsQuery",
        "dateRange": dates(back),
        "pathsFilter": {"stepLimit": steps, "edgeLimit": 10_000, "startPoint": start, "endPoint": end},
    }
    found = {
        (edge["source"], edge["target"]): (edge["value"], pytest.approx(edge["average_conversion_time"]))
        for edge in world.results(project, query)
    }
    cut = cut_of(project, back, "day")
    assert found == oracle.paths(world.projects[project], cut, steps=steps, start=start, end=end)
