"""StickinessQuery: in how many intervals of a period people did something."""

from typing import Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.buckets import Buckets, buckets
from furze.query.kinds.periods import Period
from furze.query.kinds.series import InsightQuery, SeriesNode, actor_of, of_query, of_series, period_of, within
from furze.query.kinds.template import all_of, constant, expression, select
from furze.query.kinds.trends import CompareFilter
from furze.query.types import Answer

_CRITERIA: Final = {"gte": "count() >= {value}", "lte": "count() <= {value}", "exact": "count() = {value}"}

_STATEMENT: Final = """SELECT intervals, count() FROM (
    SELECT actor, count() AS intervals FROM (
        SELECT {actor} AS actor, {bucket} AS bucket FROM events WHERE {kept} GROUP BY actor, bucket HAVING {enough}
    ) GROUP BY actor
) GROUP BY intervals"""


class Criteria(Body):
    """How many events make an interval count."""

    operator: Literal["gte", "lte", "exact"] = "gte"
    value: int = 1


class StickinessFilter(Body):
    """`stickinessFilter` of a query."""

    computedAs: Literal["non_cumulative", "cumulative"] | None = None
    stickinessCriteria: Criteria | None = None


class StickinessQuery(InsightQuery):
    """The query."""

    kind: Literal["StickinessQuery"] = "StickinessQuery"
    series: list[SeriesNode]
    intervalCount: int | None = Field(default=1, ge=1)
    stickinessFilter: StickinessFilter | None = None
    compareFilter: CompareFilter | None = None


async def stickiness(query: StickinessQuery, asker: Asker) -> Answer:
    """For each series, how many were active in exactly 1, 2, 3 … intervals."""
    period = await period_of(query, asker)
    compare = query.compareFilter or CompareFilter()
    periods = [("current", period)]
    if compare.compare:
        periods.append(("previous", period.before(compare.compare_to, asker.timezone)))
    results = []
    for label, each in periods:
        for order, node in enumerate(query.series):
            result = await _result(query, node, each, asker)
            result["action"]["order"] = order
            results.append(result | ({"compare": True, "compare_label": label} if compare.compare else {}))
    return {"results": results, "resolved_date_range": period}


async def _result(query: StickinessQuery, node: SeriesNode, period: Period, asker: Asker) -> Answer:
    cut = buckets(period.start, period.end, query.interval, asker.timezone)
    size = query.intervalCount or 1
    days = list(range(1, -(-cut.count // size) + 1))
    found = {int(n): count for n, count in await asker.tuples(_statement(query, node, period, cut, asker))}
    data = [found.get(day, 0) for day in days]
    if query.stickinessFilter and query.stickinessFilter.computedAs == "cumulative":
        data = [sum(data[index:]) for index in range(len(data))]
    unit = query.interval if size == 1 else f"{size} {query.interval}s"
    return {
        "label": node.label,
        "data": data,
        "days": days,
        "labels": [f"{day} {unit}{'' if day == 1 else 's'}" for day in days],
        "count": sum(found.values()),
        "action": {"id": node.event, "type": "events", "name": node.event_name, "math": node.math},
    }


def _statement(query: StickinessQuery, node: SeriesNode, period: Period, cut: Buckets, asker: Asker) -> ast.SelectQuery:
    criteria = (query.stickinessFilter and query.stickinessFilter.stickinessCriteria) or Criteria()
    is_group = node.math == "unique_group"
    group = node.math_group_type_index or 0 if is_group else query.aggregation_group_type_index
    bucket = cut.expression(ast.Field(("timestamp",)))
    return select(
        _STATEMENT,
        actor=actor_of(group),
        bucket=expression("intDiv({bucket}, {size})", bucket=bucket, size=constant(query.intervalCount or 1)),
        kept=all_of(
            of_series(node, asker),
            of_query(query, asker),
            None if group is None else expression("{actor} != ''", actor=actor_of(group)),
            within(period),
        ),
        enough=expression(_CRITERIA[criteria.operator], value=constant(criteria.value)),
    )
