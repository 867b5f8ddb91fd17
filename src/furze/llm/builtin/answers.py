"""Says what a query found, and how the question was read. Pure. Every number is taken from the tool's result."""

from collections.abc import Sequence
from typing import Any

from furze.llm.builtin.exporting import matching
from furze.llm.builtin.reading import Declined, Reading

_SIGNATURE = "*Built-in query reader, no language model.*"
_MOST_ROWS = 25
_MISSING = ("$$_posthog_breakdown_null_$$", "")
_OTHER = "$$_posthog_breakdown_other_$$"


def told(reading: Reading, result: dict[str, Any]) -> str:
    """The answer to a question, from what its query found."""
    body = _SHAPES[reading.shape](reading, result)
    return f"{body}\n\n{_how(reading, result)}\n\n{_SIGNATURE}"


def declined(why: Declined, suggestions: Sequence[str]) -> str:
    """A plain no, with questions that can be answered."""
    offered = "\n".join(f"- {each}" for each in suggestions)
    tail = f"\n\nThese I can answer:\n{offered}" if offered else ""
    return f"I can't answer that reliably. {why.reason}{tail}\n\n{_SIGNATURE}"


def failed(text: str) -> str:
    """The tool gave no result."""
    return f"I could not get that: {text}\n\n{_SIGNATURE}"


def no_events() -> str:
    """The project is empty."""
    return f"This project has no events yet. Send some, then ask again.\n\n{_SIGNATURE}"


def no_tools() -> str:
    """There is nothing to ask with."""
    return f"I have no access to this project's data here, so I can't answer.\n\n{_SIGNATURE}"


def catalogue(found: dict[str, Any]) -> str:
    """The events of the project."""
    rows = [f"- `{each['event']}`: {number(each['count'])}" for each in found.get("events", ())]
    return f"This project has {len(rows)} kinds of events:\n\n" + "\n".join(rows) + f"\n\n{_SIGNATURE}"


def number(value: Any) -> str:
    """A number as people read it."""
    if value is None:
        return "nothing"
    try:
        value = float(value)
    except ValueError:
        return str(value)
    if value.is_integer():
        return f"{int(value):,}"
    size = abs(value)
    return f"{value:,.2f}" if size >= 1 else f"{value:.4g}"


def _how(reading: Reading, result: dict[str, Any]) -> str:
    read = "; ".join((reading.measure, *reading.notes))
    dates = result.get("period") or {}
    covered = f" It covers {str(dates['date_from'])[:10]} to {str(dates['date_to'])[:10]}." if dates else ""
    return f"How I read it: {read}.{covered}"


def _value(row: dict[str, Any]) -> Any:
    return row["value"] if row.get("value") is not None else row.get("count", 0)


def _rows(result: dict[str, Any], *, label: str | None = None) -> list[dict[str, Any]]:
    rows = result.get("results", [])
    return [row for row in rows if label is None or row.get("compare_label", "current") == label]


def _name(row: dict[str, Any]) -> str:
    value = row.get("breakdown_value")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if value is None:
        return str(row.get("label", ""))
    if value == _OTHER:
        return "all others"
    return "(none)" if value in _MISSING else str(value)


def _compared(now: Any, before: Any) -> str:
    change = float(now or 0) - float(before or 0)
    percent = f", {change / float(before):+.1%}" if before else ""
    direction = "no change" if change == 0 else f"{'up' if change > 0 else 'down'} by {number(abs(change))}{percent}"
    return f"{number(now)}, against {number(before)} before: {direction}"


def _number(_reading: Reading, result: dict[str, Any]) -> str:
    current, previous = _rows(result, label="current"), _rows(result, label="previous")
    lines = []
    for index, row in enumerate(current):
        said = _compared(_value(row), _value(previous[index])) if index < len(previous) else number(_value(row))
        label = f"`{row.get('label')}`: " if len(current) > 1 else ""
        lines.append(f"{label}**{said}**" if not previous else f"{label}{said}")
    return "\n".join(lines) or "Nothing was found."


def _trend(reading: Reading, result: dict[str, Any]) -> str:
    current, previous = _rows(result, label="current"), _rows(result, label="previous")
    if not current:
        return "Nothing was found."
    if len(current) == 1 and not current[0].get("breakdown_value"):
        row = current[0]
        table = [f"| {day} | {number(value)} |" for day, value in zip(row["days"], row["data"], strict=True)]
        total = (
            ""
            if "dau" in str(reading.query) or "unique" in str(reading.query)
            else f"In all **{number(row['count'])}**. "
        )
        against = f"{_compared(row['count'], previous[0]['count'])}. " if previous else ""
        return f"{total}{against}Per {reading.query['interval']}:\n\n| from | |\n|---|---|\n" + "\n".join(table)
    lines = []
    for row in current[:_MOST_ROWS]:
        shown = ", ".join(number(value) for value in row["data"])
        lines.append(f"- {_name(row)}: {shown}")
    days = current[0]["days"]
    return f"Per {reading.query['interval']} from {days[0]} to {days[-1]}:\n\n" + "\n".join(lines)


def _ranking(reading: Reading, result: dict[str, Any]) -> str:
    rows = [row for row in _rows(result, label="current") if row.get("breakdown_value") != _OTHER or not reading.picks]
    if reading.picks:
        rows = [row for row in rows if row.get("breakdown_value") not in _MISSING]
    if not rows:
        return "Nothing was found."
    ordered = sorted(rows, key=lambda row: float(_value(row) or 0), reverse=reading.picks != "least")
    first = ordered[0]
    previous = {_name(row): _value(row) for row in _rows(result, label="previous")}
    word = "fewest" if reading.picks == "least" else "most"
    lead = f"**{_name(first)}** has the {word}: **{number(_value(first))}**.\n\n"
    shown = ordered[: reading.limit or _MOST_ROWS]
    lines = [
        f"| {_name(row)} | {_compared(_value(row), previous.get(_name(row), 0)) if previous else number(_value(row))} |"
        for row in shown
    ]
    return (lead if reading.picks else "") + "| | |\n|---|---|\n" + "\n".join(lines)


def _average(reading: Reading, result: dict[str, Any]) -> str:
    row = _rows(result, label="current")[0]
    numbers = row["data"]
    mean = sum(numbers) / len(numbers) if numbers else 0
    unit = reading.query["interval"]
    return f"**{number(mean)}** per {unit} on average, over {len(numbers)} {unit}s with {number(sum(numbers))} in all."


def _peak(reading: Reading, result: dict[str, Any]) -> str:
    row = _rows(result, label="current")[0]
    if not row["data"]:
        return "Nothing was found."
    choose = min if reading.picks == "least" else max
    best = choose(row["data"])
    days = [day for day, value in zip(row["days"], row["data"], strict=True) if value == best]
    unit = reading.query["interval"]
    word = "fewest" if reading.picks == "least" else "most"
    return f"The {unit} with the {word} began on **{', '.join(days[:5])}**: **{number(best)}**."


def _funnel(_reading: Reading, result: dict[str, Any]) -> str:
    results = result.get("results", [])
    groups = results if results and isinstance(results[0], list) else [results]
    return "\n\n".join(map(_one_funnel, groups)) or "Nothing was found."


def _one_funnel(steps: list[dict[str, Any]]) -> str:
    if not steps:
        return "Nothing was found."
    first, last = steps[0]["count"], steps[-1]["count"]
    rate = f"{last / first:.1%}" if first else "no"
    title = f"{_name(steps[0])}: " if steps[0].get("breakdown_value") is not None else ""
    lines = []
    for index, step in enumerate(steps):
        before = steps[index - 1]["count"] if index else step["count"]
        share = f" ({step['count'] / before:.1%} of the step before)" if index and before else ""
        lines.append(f"{index + 1}. `{step['name']}`: {number(step['count'])}{share}")
    return f"{title}**{rate}** conversion: {number(last)} of {number(first)} people.\n\n" + "\n".join(lines)


def _duration(_reading: Reading, result: dict[str, Any]) -> str:
    steps = result.get("results", [])
    if not steps or isinstance(steps[0], list):
        return _funnel(_reading, result)
    lines = [
        f"From `{steps[index]['name']}` to `{step['name']}`: "
        f"**{_time(step.get('average_conversion_time'))}** on average, "
        f"{_time(step.get('median_conversion_time'))} in the middle; {number(step['count'])} people."
        for index, step in enumerate(steps[1:])
    ]
    return "\n".join(lines)


def _time(seconds: Any) -> str:
    if seconds is None:
        return "nobody yet"
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.1f} seconds"


def _retention(reading: Reading, result: dict[str, Any]) -> str:
    rows = result.get("results", [])
    period = reading.query["retentionFilter"]["period"].lower()
    lines = []
    for row in rows:
        counts = [each["count"] for each in row["values"]]
        if not counts or not counts[0]:
            continue
        shares = ", ".join(f"{count / counts[0]:.0%}" for count in counts[1:])
        lines.append(f"| {str(row['date'])[:10]} | {number(counts[0])} | {shares} |")
    if not lines:
        return "Nobody started in this time."
    pairs = [(row["values"][0]["count"], row["values"][1]["count"]) for row in rows[:-2] if len(row["values"]) > 1]
    started, returned = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    share = (
        f"**{returned / started:.1%}** came back in the {period} after "
        f"({number(returned)} of {number(started)} people, whole {period}s only).\n\n"
        if started
        else ""
    )
    return f"{share}| {period} of | people | came back in the {period}s after |\n|---|---|---|\n" + "\n".join(lines)


def _lifecycle(reading: Reading, result: dict[str, Any]) -> str:
    rows = result.get("results", [])
    unit = reading.query["interval"]
    lines = [
        f"- {row.get('status') or row.get('label')}: {', '.join(number(abs(v)) for v in row['data'][-8:])}"
        for row in rows
    ]
    return f"The last {unit}s, oldest first:\n\n" + "\n".join(lines)


def _count(_reading: Reading, result: dict[str, Any]) -> str:
    return f"**{number(result['results'][0][0])}**"


def _people(_reading: Reading, result: dict[str, Any]) -> str:
    rows = result.get("results", [])
    if not rows:
        return "Nobody was found."
    if len(rows[0]) == 2:
        return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {number(amount)} |" for name, amount in rows)
    lines = [f"| {index} | {who or person} | {number(amount)} |" for index, (person, who, amount) in enumerate(rows, 1)]
    return "| | person | |\n|---|---|---|\n" + "\n".join(lines)


def _exports(reading: Reading, result: dict[str, Any]) -> str:
    if "exports" not in result:
        return _export(result)
    every = result["exports"]
    if not every:
        return "This project has no batch exports."
    named = matching(result, reading.subject) if reading.subject else every
    if not named:
        names = ", ".join(f"“{each['name']}”" for each in every)
        return f"There is no export “{reading.subject}”. The exports are {names}."
    rows = [row for row in named if _is_in_state(row, reading.picks)]
    if not rows:
        return f"None of {number(len(named))} batch exports {_STATES[reading.picks]}."
    lines = [
        f"- **{row.get('name')}** ({row.get('destination')}, every {row.get('interval')}): "
        f"{'paused' if row.get('paused') else 'running'}"
        + (f"; last run {row.get('latest_status')}" if row.get("latest_status") else "")
        + (f": {row.get('latest_error')}" if row.get("latest_error") else "")
        for row in rows
    ]
    return f"{number(len(rows))} batch export{'s' if len(rows) != 1 else ''}:\n\n" + "\n".join(lines)


_STATES = {"failed": "failed in its latest run", "paused": "is paused"}


def _is_in_state(row: dict[str, Any], state: str) -> bool:
    if state == "failed":
        return str(row.get("latest_status")).startswith("Failed") or bool(row.get("latest_error"))
    return bool(row.get("paused")) if state == "paused" else True


def _export(result: dict[str, Any]) -> str:
    """One export: what was done to it, or how its runs went."""
    name = result.get("export") or result.get("name")
    if "steps" in result:
        lines = [f"- {each['name']}: {_step(each)}" for each in result["steps"]]
        return f"The test of **{name}**:\n\n" + ("\n".join(lines) or "It has no test steps.")
    if "latest_runs" not in result:
        return f"**{name}** is {'paused' if result.get('paused') else 'running'} now."
    lines = [
        f"- {run['status']} at {str(run['created_at'])[:16]}: {run.get('latest_error') or 'no error'}"
        for run in result["latest_runs"]
    ]
    return f"The latest runs of **{name}** ({result.get('destination')}):\n\n" + ("\n".join(lines) or "None yet.")


def _step(step: dict[str, Any]) -> str:
    found = step.get("result") or {}
    return f"{found.get('status', 'not run')}{': ' + found['message'] if found.get('message') else ''}"


_SHAPES = {
    "number": _number,
    "trend": _trend,
    "ranking": _ranking,
    "average": _average,
    "peak": _peak,
    "funnel": _funnel,
    "duration": _duration,
    "retention": _retention,
    "lifecycle": _lifecycle,
    "count": _count,
    "people": _people,
    "exports": _exports,
}
