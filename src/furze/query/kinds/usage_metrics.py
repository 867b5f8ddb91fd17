"""UsageMetricsQuery: a project's own numbers about one person or group, now and in the interval before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from furze.hogql import ast
from furze.platform.errors import InvalidInput
from furze.query.kinds.asker import Asker
from furze.query.kinds.entity import OfEntity
from furze.query.kinds.series import SeriesNode, of_series
from furze.query.kinds.template import TRUE, all_of, any_of, constant, expression, select
from furze.query.types import Answer


class UsageMetricsQuery(OfEntity):
    """The query."""

    kind: Literal["UsageMetricsQuery"] = "UsageMetricsQuery"


@dataclass(frozen=True, slots=True)
class UsageMetric:
    """A number that a project watches: how many events, or the sum of a property, in the last `interval` days."""

    id: str
    name: str
    format: Literal["numeric", "currency"] = "numeric"
    interval: int = 7
    display: Literal["number", "sparkline"] = "number"
    filters: Mapping[str, Any] = field(default_factory=dict)
    math: Literal["count", "sum"] = "count"
    math_property: str | None = None


async def usage_metrics(query: UsageMetricsQuery, asker: Asker) -> Answer:
    """One row for each metric of the project, names in reverse order."""
    entity = query.of_entity()
    has_person = bool(query.person_id or query.personId)
    has_group = bool(query.group_key or query.groupKey)
    if entity is None or (has_person and has_group):
        raise InvalidInput("Give either 'person_id', or 'group_key' with 'group_type_index'.")
    metrics = sorted(asker.usage_metrics, key=lambda metric: metric.name, reverse=True)
    return {"results": [await _row(metric, entity, asker) for metric in metrics]}


async def _row(metric: UsageMetric, entity: ast.Expr, asker: Asker) -> Answer:
    middle = asker.now - timedelta(days=metric.interval)
    start = middle - timedelta(days=metric.interval)
    number = constant(1)
    if metric.math == "sum":
        number = expression("toFloat({value})", value=ast.Field(("properties", metric.math_property or "")))
    statement = select(
        "SELECT sumIf({number}, timestamp > {middle}), sumIf({number}, timestamp <= {middle}) FROM events WHERE {kept}",
        number=number,
        middle=constant(middle),
        kept=all_of(
            entity,
            _filters(metric, asker),
            expression("timestamp > {since} AND timestamp <= {now}", since=constant(start), now=constant(asker.now)),
        ),
    )
    [(value, previous)] = await asker.tuples(statement)
    value, previous = value or 0, previous or 0
    return {
        "id": metric.id,
        "name": metric.name,
        "format": metric.format,
        "display": metric.display,
        "interval": metric.interval,
        "value": value,
        "previous": previous,
        "change_from_previous_pct": (value - previous) / previous * 100 if previous else None,
    }


def _filters(metric: UsageMetric, asker: Asker) -> ast.Expr:
    """Events of the metric's series, or any event when it names none, that pass its properties."""
    given = metric.filters.get("events") or []
    nodes = [SeriesNode(event=each.get("id"), properties=each.get("properties")) for each in given]
    any_series = any_of([of_series(node, asker) for node in nodes]) if nodes else TRUE
    return all_of(any_series, asker.condition(metric.filters.get("properties")))
