"""FunnelsQuery: how many go on from each step to the next, how long it takes, and how that changes over time."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.hogql.parser import parse_expression
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.attempts import Exclusion, Rules
from furze.query.kinds.breakdown import MISSING, BreakdownFilter, Values, values_of
from furze.query.kinds.buckets import buckets
from furze.query.kinds.measures import Measurement, top_values
from furze.query.kinds.periods import Period
from furze.query.kinds.series import InsightQuery, SeriesNode, actor_of, of_query, of_series, period_of, within
from furze.query.kinds.template import all_of, any_of, constant, expression, select
from furze.query.kinds.trends import day_label, day_text
from furze.query.types import Answer

_SECONDS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,
}
_MICROSECONDS: Final = 1_000_000


class FunnelsFilter(Body):
    """`funnelsFilter` of a query."""

    funnelVizType: Literal["steps", "time_to_convert", "trends", "flow"] | None = "steps"
    funnelOrderType: Literal["ordered", "strict", "unordered"] | None = "ordered"
    funnelWindowInterval: int | None = Field(default=14, ge=1)
    funnelWindowIntervalUnit: Literal["second", "minute", "hour", "day", "week", "month"] | None = "day"
    funnelFromStep: int | None = None
    funnelToStep: int | None = None
    funnelAggregateByHogQL: str | None = None
    binCount: int | str | None = None
    breakdownAttributionType: Literal["first_touch", "last_touch", "all_events", "step"] | None = "first_touch"
    breakdownAttributionValue: int | None = None
    exclusions: list[SeriesNode] | None = None


class FunnelsQuery(InsightQuery):
    """The query."""

    kind: Literal["FunnelsQuery"] = "FunnelsQuery"
    series: list[SeriesNode]
    funnelsFilter: FunnelsFilter | None = None
    breakdownFilter: BreakdownFilter | None = None

    @property
    def options(self) -> FunnelsFilter:
        """`funnelsFilter`, with its defaults."""
        return self.funnelsFilter or FunnelsFilter()

    @property
    def rules(self) -> Rules:
        """What makes an attempt."""
        options = self.options
        seconds = (options.funnelWindowInterval or 14) * _SECONDS[options.funnelWindowIntervalUnit or "day"]
        exclusions = tuple(_exclusion(self, number, node) for number, node in enumerate(options.exclusions or ()))
        return Rules(len(self.series), options.funnelOrderType or "ordered", seconds * _MICROSECONDS, exclusions)


@dataclass(frozen=True, slots=True)
class _Plan:
    query: FunnelsQuery
    period: Period
    asker: Asker
    values: Values | None
    top: list[tuple[str, ...]] | None


async def funnels(query: FunnelsQuery, asker: Asker) -> Answer:
    """Steps, a histogram of conversion times, or conversion over time, by `funnelVizType`."""
    _check(query)
    period = await period_of(query, asker)
    values = values_of(query.breakdownFilter)
    plan = _Plan(query, period, asker, values, await _top(query, period, asker, values))
    viz = query.options.funnelVizType
    if viz == "time_to_convert":
        results: Any = await _time_to_convert(plan)
    elif viz == "trends":
        results = await _over_time(plan)
    else:
        results = await _steps(plan)
    return {"results": results, "resolved_date_range": period, "isUdf": False}


def _check(query: FunnelsQuery) -> None:
    if len(query.series) < 2:
        raise InvalidInput("A funnel needs at least two steps.", attr="query__series")
    if query.options.exclusions and query.options.funnelOrderType not in ("ordered", None):
        raise InvalidInput("Only an ordered funnel can have exclusions.", attr="query__funnelsFilter__exclusions")


def _exclusion(query: FunnelsQuery, number: int, node: SeriesNode) -> Exclusion:
    last = len(query.series) - 1
    first, to = node.funnelFromStep or 0, last if node.funnelToStep is None else node.funnelToStep
    if not 0 <= first < to <= last:
        raise InvalidInput(
            f"An exclusion from step {first} to step {to} does not fit a funnel of steps 0 to {last}.",
            attr="query__funnelsFilter__exclusions",
        )
    return Exclusion(number, first, to)


async def _top(
    query: FunnelsQuery, period: Period, asker: Asker, values: Values | None
) -> list[tuple[str, ...]] | None:
    if values is None or query.breakdownFilter is None:
        return None
    cut = buckets(period.start, period.end, "day", asker.timezone)
    first_step = query.series[0].model_copy(update={"math": None})
    wanted = Measurement(query, first_step, period, cut, asker, values=values, is_total=True)
    return await top_values(wanted, limit=query.breakdownFilter.limit)


async def _steps(plan: _Plan) -> list[Any]:
    steps = len(plan.query.series)
    counts = [f"countIf(length(best) >= {step})" for step in range(1, steps + 1)]
    averages = [f"avgIf(best[{step + 1}] - best[{step}], length(best) > {step})" for step in range(1, steps)]
    medians = [f"quantileIf(0.5)(best[{step + 1}] - best[{step}], length(best) > {step})" for step in range(1, steps)]
    statement = select(
        f"""SELECT key, {", ".join(counts + averages + medians)} FROM {{attempts}}
        WHERE length(best) > 0 GROUP BY key ORDER BY 2 DESC, key ASC""",
        attempts=_attempts(plan),
    )
    rows = await plan.asker.tuples(statement)
    if plan.values is None:
        return _step_results(plan, None, rows[0][1:] if rows else [0] * steps + [None] * (2 * steps - 2))
    return [_step_results(plan, tuple(row[0]), row[1:]) for row in rows]


def _step_results(plan: _Plan, key: tuple[str, ...] | None, numbers: Any) -> list[Answer]:
    steps = len(plan.query.series)
    counts, averages, medians = numbers[:steps], numbers[steps : 2 * steps - 1], numbers[2 * steps - 1 :]
    results = []
    for order, node in enumerate(plan.query.series):
        result: Answer = {
            "action_id": node.event,
            "name": node.event_name,
            "custom_name": node.custom_name,
            "order": order,
            "people": [],
            "count": int(counts[order]),
            "type": "events",
            "average_conversion_time": _seconds(averages[order - 1]) if order else None,
            "median_conversion_time": _seconds(medians[order - 1]) if order else None,
        }
        if key is not None and plan.values is not None:
            result |= {"breakdown": plan.values.wire(key), "breakdown_value": plan.values.wire(key)}
        results.append(result)
    return results


async def _time_to_convert(plan: _Plan) -> Answer:
    first, last = _compared_steps(plan.query)
    durations = select(
        f"SELECT intDiv(best[{last}] - best[{first}], {_MICROSECONDS}) AS duration FROM {{attempts}} "
        f"WHERE length(best) >= {last}",
        attempts=_attempts(plan),
    )
    summary = select(
        "SELECT count(), min(duration), max(duration), avg(duration) FROM {durations}", durations=durations
    )
    [(count, shortest, longest, average)] = await plan.asker.tuples(summary)
    if not count:
        return {"bins": [], "average_conversion_time": None}
    bins = _bin_count(plan.query.options.binCount, count)
    width = max(math.ceil((longest - shortest) / bins), 1) if longest > shortest else 60
    histogram = select(
        "SELECT intDiv(duration - {shortest}, {width}) AS bin, count() FROM {durations} GROUP BY bin",
        durations=durations,
        shortest=constant(shortest),
        width=constant(width),
    )
    found = {int(number): size for number, size in await plan.asker.tuples(histogram)}
    return {
        "bins": [[shortest + number * width, found.get(number, 0)] for number in range(bins + 1)],
        "average_conversion_time": average,
    }


def _bin_count(asked: int | str | None, count: int) -> int:
    if isinstance(asked, int):
        return max(1, min(asked, 90))
    guess = math.ceil(math.pow(count, 1 / 3))
    return max(1, min(guess, 60))


def _compared_steps(query: FunnelsQuery) -> tuple[int, int]:
    """The steps, counted from 1, between which conversion is measured."""
    steps = len(query.series)
    first = query.options.funnelFromStep or 0
    last = steps - 1 if query.options.funnelToStep is None else query.options.funnelToStep
    if not 0 <= first < last < steps:
        raise InvalidInput(
            f"There is no conversion from step {first} to step {last} in a funnel of steps 0 to {steps - 1}.",
            attr="query__funnelsFilter",
        )
    return first + 1, last + 1


async def _over_time(plan: _Plan) -> list[Answer]:
    """For those who entered in each interval, how many of them came as far as the last step."""
    first, last = _compared_steps(plan.query)
    cut = buckets(plan.period.start, plan.period.end, plan.query.interval, plan.asker.timezone)
    statement = select(
        f"""SELECT entered, key, countIf(length(best) >= {first}), countIf(length(best) >= {last})
        FROM {{attempts}} GROUP BY entered, key""",
        attempts=_attempts(plan, entered=cut.expression(ast.Field(("timestamp",)))),
    )
    found: dict[Any, dict[int, tuple[int, int]]] = {}
    for entered, key, started, finished in await plan.asker.tuples(statement):
        found.setdefault(tuple(key) if key else None, {})[int(entered)] = (started, finished)
    keys = sorted(found, key=lambda key: (-sum(pair[0] for pair in found[key].values()), str(key))) or [None]
    results = []
    for key in keys:
        pairs = [found.get(key, {}).get(index, (0, 0)) for index in range(cut.count)]
        result: Answer = {
            "count": sum(finished for _, finished in pairs),
            "data": [round(100 * finished / started, 2) if started else 0 for started, finished in pairs],
            "days": [day_text(start, cut) for start in cut.starts()],
            "labels": [day_label(start, cut) for start in cut.starts()],
        }
        if plan.values is not None and key is not None:
            result["breakdown_value"] = plan.values.wire(key)
        results.append(result)
    return results


def _attempts(plan: _Plan, *, entered: ast.Expr | None = None) -> ast.SelectQuery:
    """Each actor's best attempt: columns `key`, `best`; with `entered` one for each interval of a first step."""
    query = plan.query
    by_key = plan.values is not None and query.options.breakdownAttributionType == "all_events"
    grouped = select(
        f"""SELECT actor, {{touch}} AS {"touched" if by_key else "key"}, {"key," if by_key else ""}
            arraySort(groupArray((time, steps, entered))) AS events
        FROM {{events}} GROUP BY actor{", key" if by_key else ""}""",
        touch=_touch(plan),
        events=_events(plan, entered),
    )
    if entered is None:
        pairs = expression("arrayMap(e -> (e.1, e.2), events)")
        return select("SELECT key, {best} AS best FROM {grouped}", best=query.rules.best(pairs), grouped=grouped)
    pairs = expression("arrayMap(e -> (e.1, if(e.3 = entered, e.2, arrayFilter(step -> step != 1, e.2))), events)")
    return select(
        """SELECT key, entered, {best} AS best FROM (
            SELECT key, events,
                arrayJoin(arrayDistinct(arrayMap(e -> e.3, arrayFilter(e -> has(e.2, 1), events)))) AS entered
            FROM {grouped}
        )""",
        best=query.rules.best(pairs),
        grouped=grouped,
    )


def _touch(plan: _Plan) -> ast.Expr:
    """The breakdown value that an actor's attempts count under."""
    if plan.values is None:
        return constant("")
    kind = plan.query.options.breakdownAttributionType or "first_touch"
    if kind == "all_events":
        return constant("")
    missing = constant([MISSING])
    condition: ast.Expr = expression("key != {missing}", missing=missing)
    if kind == "step":
        step = (plan.query.options.breakdownAttributionValue or 0) + 1
        condition = expression("has(steps, {step})", step=constant(step))
    function = "argMaxIf" if kind == "last_touch" else "argMinIf"
    return expression(
        f"if(countIf({{condition}}) = 0, {{missing}}, {function}(key, time, {{condition}}))",
        condition=condition,
        missing=missing,
    )


def _events(plan: _Plan, entered: ast.Expr | None) -> ast.SelectQuery:
    query, asker = plan.query, plan.asker
    conditions = [of_series(node, asker) for node in query.series]
    excluded = [of_series(node, asker) for node in query.options.exclusions or ()]
    is_strict = query.options.funnelOrderType == "strict"
    key = constant("") if plan.values is None else plan.values.limited(plan.top or [])
    return select(
        """SELECT {actor} AS actor, toUnixTimestamp64Micro(timestamp) AS time, {steps} AS steps, {key} AS key,
            {entered} AS entered
        FROM events WHERE {kept}""",
        actor=_actor(query),
        steps=_step_numbers(conditions, excluded),
        key=key,
        entered=entered or constant(0),
        kept=all_of(None if is_strict else any_of(conditions + excluded), of_query(query, asker), within(plan.period)),
    )


def _step_numbers(conditions: list[ast.Expr], excluded: list[ast.Expr]) -> ast.Expr:
    numbered = [(number, condition) for number, condition in enumerate(conditions, 1)]
    numbered += [(-1 - number, condition) for number, condition in enumerate(excluded)]
    marks = tuple(
        expression("if({condition}, {number}, 0)", condition=condition, number=constant(number))
        for number, condition in numbered
    )
    return expression("arrayFilter(step -> step != 0, {marks})", marks=ast.Array(marks))


def _actor(query: FunnelsQuery) -> ast.Expr:
    if query.options.funnelAggregateByHogQL:
        return parse_expression(query.options.funnelAggregateByHogQL)
    return actor_of(query.aggregation_group_type_index)


def _seconds(microseconds: float | None) -> float | None:
    if microseconds is None or math.isnan(microseconds):
        return None
    return microseconds / _MICROSECONDS
