"""TrendsQuery: how a number develops over time, for several series, broken down, combined and compared."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds import formula
from furze.query.kinds.asker import Asker
from furze.query.kinds.breakdown import MISSING, OTHER, BreakdownFilter, Values, describe, values_of
from furze.query.kinds.buckets import Buckets, buckets
from furze.query.kinds.measures import Key, Measured, Measurement, measure, top_values
from furze.query.kinds.periods import Period
from furze.query.kinds.series import InsightQuery, SeriesNode, period_of
from furze.query.types import Answer

_TOTAL_DISPLAYS: Final = frozenset(
    {"BoldNumber", "ActionsPie", "ActionsBarValue", "ActionsTable", "WorldMap", "CalendarHeatmap"}
)
_CUMULATIVE: Final = "ActionsLineGraphCumulative"


class FormulaNode(Body):
    """A formula with a name."""

    formula: str
    custom_name: str | None = None


class TrendsFilter(Body):
    """`trendsFilter` of a query."""

    display: str | None = None
    formula: str | None = None
    formulas: list[str] | None = None
    formulaNodes: list[FormulaNode] | None = None
    smoothingIntervals: int | None = None

    @property
    def asked_formulas(self) -> list[FormulaNode]:
        """Every formula of the query."""
        if self.formulaNodes:
            return self.formulaNodes
        texts = self.formulas or ([self.formula] if self.formula else [])
        return [FormulaNode(formula=text) for text in texts]


class CompareFilter(Body):
    """`compareFilter` of a query."""

    compare: bool | None = False
    compare_to: str | None = None


class TrendsQuery(InsightQuery):
    """The query."""

    kind: Literal["TrendsQuery"] = "TrendsQuery"
    series: list[SeriesNode]
    trendsFilter: TrendsFilter | None = None
    breakdownFilter: BreakdownFilter | None = None
    compareFilter: CompareFilter | None = None

    @property
    def options(self) -> TrendsFilter:
        """`trendsFilter`, with its defaults."""
        return self.trendsFilter or TrendsFilter()

    @property
    def is_total(self) -> bool:
        """Whether each series is one number for the whole period."""
        return self.options.display in _TOTAL_DISPLAYS


@dataclass(frozen=True, slots=True)
class _Window:
    period: Period
    buckets: Buckets
    label: str | None


async def trends(query: TrendsQuery, asker: Asker) -> Answer:
    """One result for each series, breakdown value and compared period."""
    if not query.series:
        raise InvalidInput("A trends query needs at least one series.", attr="query__series")
    period = await period_of(query, asker)
    values = values_of(query.breakdownFilter)
    windows = _windows(query, period, asker)
    tops = await _tops(query, values, windows[0], asker)
    results: list[Answer] = []
    for window in windows:
        measured = [
            await measure(_measurement(query, node, window, asker, values, top))
            for node, top in zip(query.series, tops, strict=True)
        ]
        results += _results(query, values, tops, measured, window)
    return {"results": results, "resolved_date_range": period, "hasMore": _has_other(results)}


def _windows(query: TrendsQuery, period: Period, asker: Asker) -> list[_Window]:
    compare = query.compareFilter or CompareFilter()
    periods = [(period, "current" if compare.compare else None)]
    if compare.compare:
        periods.append((period.before(compare.compare_to, asker.timezone), "previous"))
    return [
        _Window(each, buckets(each.start, each.end, query.interval, asker.timezone), label) for each, label in periods
    ]


def _measurement(
    query: TrendsQuery,
    node: SeriesNode,
    window: _Window,
    asker: Asker,
    values: Values | None,
    top: list[tuple[str, ...]] | None,
) -> Measurement:
    return Measurement(
        query,
        node,
        window.period,
        window.buckets,
        asker,
        values=values,
        top=top,
        is_total=query.is_total,
        is_cumulative=query.options.display == _CUMULATIVE,
    )


async def _tops(
    query: TrendsQuery, values: Values | None, window: _Window, asker: Asker
) -> list[list[tuple[str, ...]] | None]:
    if values is None or query.breakdownFilter is None:
        return [None] * len(query.series)
    limit = query.breakdownFilter.limit
    wanted = [_measurement(query, node, window, asker, values, None) for node in query.series]
    return [await top_values(one, limit=limit) for one in wanted]


def _results(
    query: TrendsQuery,
    values: Values | None,
    tops: list[list[tuple[str, ...]] | None],
    measured: list[Measured],
    window: _Window,
) -> list[Answer]:
    if query.options.asked_formulas:
        return _formula_results(query, values, tops, measured, window)
    results = []
    for order, (node, found, top) in enumerate(zip(query.series, measured, tops, strict=True)):
        for value in _keys(query, found, top):
            numbers = _finished(query, found.get(value), window)
            label = _label(query, node, value)
            action = _action(node, order, window)
            results.append(_result(query, numbers, window, label=label, action=action, values=values, value=value))
    return _sorted(results) if values else results


def _keys(query: TrendsQuery, found: Measured, top: list[tuple[str, ...]] | None) -> list[Key]:
    if top is None:
        return [None]
    hides_other = bool(query.breakdownFilter and query.breakdownFilter.breakdown_hide_other_aggregation)
    others = [(OTHER,)] if (OTHER,) in found and not hides_other else []
    return [*top, *others]


def _finished(query: TrendsQuery, found: dict[int, float] | None, window: _Window) -> list[float]:
    found = found or {}
    if query.is_total:
        return [found.get(0, 0)]
    numbers = [found.get(index, 0) for index in range(window.buckets.count)]
    if query.options.display == _CUMULATIVE:
        numbers = _running_totals(numbers)
    return _smoothed(numbers, query.options.smoothingIntervals or 1)


def _running_totals(numbers: list[float]) -> list[float]:
    totals: list[float] = []
    for number in numbers:
        totals.append(number + (totals[-1] if totals else 0))
    return totals


def _smoothed(numbers: list[float], intervals: int) -> list[float]:
    if intervals <= 1:
        return numbers
    windows = (numbers[max(0, end - intervals) : end] for end in range(1, len(numbers) + 1))
    return [math.floor(math.fsum(window) / len(window)) for window in windows]


def _formula_results(
    query: TrendsQuery,
    values: Values | None,
    tops: list[list[tuple[str, ...]] | None],
    measured: list[Measured],
    window: _Window,
) -> list[Answer]:
    keys_of_each = (_keys(query, found, top) for found, top in zip(measured, tops, strict=True))
    keys = list(dict.fromkeys(key for keys in keys_of_each for key in keys))
    results = []
    for order, node in enumerate(query.options.asked_formulas):
        for value in keys:
            columns = [_finished(query, found.get(value), window) for found in measured]
            numbers = [_evaluated(node.formula, row) for row in zip(*columns, strict=True)]
            label = node.custom_name or f"Formula ({node.formula})"
            if value is not None:
                label = describe(value)
            result = _result(query, numbers, window, label=label, action=None, values=values, value=value)
            results.append({**result, "order": order})
    return _sorted(results) if values else results


def _evaluated(text: str, row: tuple[float, ...]) -> float:
    return formula.evaluate(text, {chr(ord("A") + index): number for index, number in enumerate(row[:26])})


def _result(
    query: TrendsQuery,
    numbers: list[float],
    window: _Window,
    *,
    label: str,
    action: Answer | None,
    values: Values | None,
    value: tuple[str, ...] | None,
) -> Answer:
    result: Answer = {"label": label, "action": action, "filter": {"display": query.options.display}}
    if query.is_total:
        result |= {"aggregated_value": numbers[0], "data": [], "days": [], "labels": [], "count": 0}
    else:
        result |= {
            "data": numbers,
            "labels": [day_label(start, window.buckets) for start in window.buckets.starts()],
            "days": [day_text(start, window.buckets) for start in window.buckets.starts()],
            "count": numbers[-1] if query.options.display == _CUMULATIVE and numbers else math.fsum(numbers),
        }
    if values is not None and value is not None:
        result["breakdown_value"] = values.wire(value)
    if window.label:
        result |= {"compare": True, "compare_label": window.label}
    return result


def _action(node: SeriesNode, order: int, window: _Window) -> Answer:
    return {
        "id": node.event,
        "type": "events",
        "order": order,
        "name": node.event_name,
        "custom_name": node.custom_name,
        "math": node.math,
        "math_property": node.math_property,
        "math_hogql": node.math_hogql,
        "math_group_type_index": node.math_group_type_index,
        "properties": node.properties or [],
        "days": [start.isoformat() for start in window.buckets.starts()],
    }


def _label(query: TrendsQuery, node: SeriesNode, value: tuple[str, ...] | None) -> str:
    if value is None:
        return node.label
    return describe(value) if len(query.series) == 1 else f"{node.label} - {describe(value)}"


def _sorted(results: list[Answer]) -> list[Answer]:
    def rank(result: Answer) -> tuple[Any, ...]:
        value = result["breakdown_value"]
        size = result["aggregated_value"] if "aggregated_value" in result else result["count"]
        order = result["action"]["order"] if result["action"] else result["order"]
        return order, value == OTHER, value == MISSING, -size, str(value)

    return sorted(results, key=rank)


def _has_other(results: list[Answer]) -> bool:
    return any(result.get("breakdown_value") == OTHER for result in results)


def day_label(start: Any, cut: Buckets) -> str:
    """A bucket's start as a person reads it: `4-Mar-2026`."""
    hours = f" {start:%H:%M}" if cut.interval in ("second", "minute", "hour") else ""
    return f"{start.day}-{start:%b-%Y}{hours}"


def day_text(start: Any, cut: Buckets) -> str:
    """A bucket's start as a program reads it: `2026-03-04`."""
    return f"{start:%Y-%m-%d %H:%M:%S}" if cut.interval in ("second", "minute", "hour") else f"{start:%Y-%m-%d}"
