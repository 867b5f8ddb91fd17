"""PathsQuery: what people do one after the other, as the most frequent steps from one page or event to the next."""

import re
from typing import Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.hogql.parser import parse_expression
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.series import InsightQuery, actor_of, of_query, period_of, within
from furze.query.kinds.template import all_of, any_of, constant, expression, select
from furze.query.types import Answer

_SESSION_GAP_MILLISECONDS: Final = 30 * 60 * 1000

# A path is an array of (milliseconds, item). It ends where 30 minutes pass without an event.
_STATEMENT: Final = """SELECT edge.1 AS source, edge.2 AS target, count() AS value, avg(edge.3) AS average FROM (
    SELECT arrayJoin(arrayMap(
        i -> (
            concat(toString(i - 1), '_', path[i - 1].2), concat(toString(i), '_', path[i].2), path[i].1 - path[i - 1].1
        ),
        range(2, length(path) + 1)
    )) AS edge FROM (
        SELECT {limited} AS path FROM (
            SELECT arrayFilter((e, i) -> i = 1 OR e.2 != whole[i - 1].2, whole, arrayEnumerate(whole)) AS path FROM (
                SELECT arrayJoin(arraySplit(
                    (e, i) -> i > 1 AND e.1 - visits[i - 1].1 > {gap}, visits, arrayEnumerate(visits)
                )) AS whole FROM (
                    SELECT actor, arraySort(groupArray((time, item))) AS visits FROM (
                        SELECT {actor} AS actor, toUnixTimestamp64Milli(timestamp) AS time, {item} AS item
                        FROM events WHERE {kept}
                    ) WHERE item != '' AND NOT has({excluded}, item) GROUP BY actor
                )
            )
        )
    )
) GROUP BY source, target ORDER BY value DESC, source ASC, target ASC"""


class PathsFilter(Body):
    """`pathsFilter` of a query."""

    includeEventTypes: list[Literal["$pageview", "$screen", "custom_event", "hogql"]] | None = None
    startPoint: str | None = None
    endPoint: str | None = None
    stepLimit: int | None = Field(default=5, ge=2, le=20)
    edgeLimit: int | None = Field(default=50, ge=1, le=10_000)
    excludeEvents: list[str] | None = None
    pathGroupings: list[str] | None = None
    pathsHogQLExpression: str | None = None
    minEdgeWeight: int | None = None
    maxEdgeWeight: int | None = None


class PathsQuery(InsightQuery):
    """The query."""

    kind: Literal["PathsQuery"] = "PathsQuery"
    pathsFilter: PathsFilter = PathsFilter()


async def paths(query: PathsQuery, asker: Asker) -> Answer:
    """The most frequent edges: source and target with their step, how often, and the mean time between in ms."""
    period = await period_of(query, asker)
    options = query.pathsFilter
    statement = select(
        _STATEMENT,
        limited=_limited(options),
        gap=constant(_SESSION_GAP_MILLISECONDS),
        actor=actor_of(query.aggregation_group_type_index),
        item=_item(options),
        kept=all_of(_included(options), of_query(query, asker), within(period)),
        excluded=constant(options.excludeEvents or [""]),
    )
    edges = [
        {"source": source, "target": target, "value": value, "average_conversion_time": average}
        for source, target, value, average in await asker.tuples(statement, limit=options.edgeLimit or 50)
        if (options.minEdgeWeight or 0) <= value <= (options.maxEdgeWeight or value)
    ]
    return {"results": edges, "resolved_date_range": period}


def _limited(options: PathsFilter) -> ast.Expr:
    """The part of a path that is asked for; nothing when it lacks the start or the end point."""
    limit, path = options.stepLimit or 5, ast.Field(("path",))
    if options.startPoint and options.endPoint:
        return _between(options.startPoint, options.endPoint, limit)
    if options.startPoint:
        return _from_start(options.startPoint, limit)
    if options.endPoint:
        return expression(
            "arraySlice(arraySlice(path, 1, arrayFirstIndex(e -> e.2 = {until}, path)), {back})",
            until=constant(options.endPoint),
            back=constant(-limit),
        )
    return expression("arraySlice({path}, 1, {most})", path=path, most=constant(limit))


def _from_start(start: str, limit: int | None) -> ast.Expr:
    return expression(
        """if(arrayFirstIndex(e -> e.2 = {start}, path) = 0, arraySlice(path, 1, 0),
        arraySlice(path, arrayFirstIndex(e -> e.2 = {start}, path), {most}))""",
        start=constant(start),
        most=constant(limit or 1_000_000),
    )


def _between(start: str, end: str, limit: int) -> ast.Expr:
    whole = expression(
        "arrayMap(path -> arraySlice(path, 1, arrayFirstIndex(e -> e.2 = {until}, path)), [{started}])",
        until=constant(end),
        started=_from_start(start, None),
    )
    return expression(
        """arrayMap(path -> if(length(path) <= {most}, path, arrayConcat(
            arraySlice(path, 1, {head}), [(path[{head}].1, '...')], arraySlice(path, {tail})
        )), {whole})[1]""",
        most=constant(limit),
        head=constant(-(-limit // 2)),
        tail=constant(-(limit // 2)),
        whole=whole,
    )


def _included(options: PathsFilter) -> ast.Expr | None:
    types = options.includeEventTypes or []
    conditions = [
        expression("event = {name}", name=constant(name)) for name in types if name in ("$pageview", "$screen")
    ]
    if "custom_event" in types:
        conditions.append(expression("NOT startsWith(event, '$')"))
    if "hogql" in types or not conditions:
        return None
    return any_of(conditions)


def _item(options: PathsFilter) -> ast.Expr:
    item = expression(
        """multiIf(
            event = '$pageview', replaceRegexpOne(ifNull(toString(properties.$current_url), ''), '(.)/$', '\\\\1'),
            event = '$screen', ifNull(toString(properties.$screen_name), ''), toString(event))"""
    )
    if options.pathsHogQLExpression and "hogql" in (options.includeEventTypes or []):
        own = parse_expression(options.pathsHogQLExpression)
        item = expression("ifNull(toString({own}), '')", own=own)
    for grouping in options.pathGroupings or []:
        pattern = f"^{re.escape(grouping).replace(re.escape('*'), '.*')}$"
        item = expression(
            "if(match({item}, {pattern}), {name}, {item})",
            item=item,
            pattern=constant(pattern),
            name=constant(grouping),
        )
    return item
