"""LifecycleQuery: in each interval, who is new, who came back, who returned after a pause, and who stayed away."""

from typing import Final, Literal

from furze.hogql import ast
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.buckets import Buckets, buckets
from furze.query.kinds.periods import Period
from furze.query.kinds.series import InsightQuery, SeriesNode, actor_of, of_query, of_series, period_of, within
from furze.query.kinds.template import all_of, constant, select
from furze.query.kinds.trends import day_label, day_text
from furze.query.types import Answer

Status = Literal["new", "returning", "resurrecting", "dormant"]
_STATUSES: Final[tuple[Status, ...]] = ("new", "returning", "resurrecting", "dormant")

_STATEMENT: Final = """SELECT status.1 AS bucket, status.2 AS word, count() FROM (
    SELECT arrayJoin(arrayConcat(
        arrayMap(b -> (b, multiIf(b = first, 'new', has(active, b - 1), 'returning', 'resurrecting')), active),
        arrayMap(b -> (b + 1, 'dormant'), arrayFilter(b -> NOT has(active, b + 1), active))
    )) AS status FROM (
        SELECT {actor} AS actor, groupUniqArray({bucket}) AS active,
            least(min({bucket}), min({born})) AS first
        FROM events WHERE {kept} GROUP BY actor
    )
) WHERE bucket >= 0 AND bucket < {count} GROUP BY bucket, word"""


class LifecycleFilter(Body):
    """`lifecycleFilter` of a query."""

    toggledLifecycles: list[Status] | None = None


class LifecycleQuery(InsightQuery):
    """The query."""

    kind: Literal["LifecycleQuery"] = "LifecycleQuery"
    series: list[SeriesNode]
    lifecycleFilter: LifecycleFilter | None = None


async def lifecycle(query: LifecycleQuery, asker: Asker) -> Answer:
    """Four series, one for each status; those who stayed away count as negative numbers."""
    if len(query.series) != 1:
        raise InvalidInput("A lifecycle query has exactly one series.", attr="query__series")
    period = await period_of(query, asker)
    cut = buckets(period.start, period.end, query.interval, asker.timezone)
    found: dict[tuple[str, int], int] = {}
    for bucket, word, count in await asker.tuples(_statement(query, cut, period, asker)):
        found[word, int(bucket)] = -count if word == "dormant" else count
    wanted = query.lifecycleFilter.toggledLifecycles if query.lifecycleFilter else None
    results = [
        _result(query.series[0], status, [found.get((status, index), 0) for index in range(cut.count)], cut)
        for status in _STATUSES
        if wanted is None or status in wanted
    ]
    return {"results": results, "resolved_date_range": period}


def _statement(query: LifecycleQuery, cut: Buckets, period: Period, asker: Asker) -> ast.SelectQuery:
    index = query.aggregation_group_type_index
    born = ast.Field(("person", "created_at") if index is None else (f"group_{index}", "created_at"))
    return select(
        _STATEMENT,
        actor=actor_of(index),
        bucket=cut.expression(ast.Field(("timestamp",))),
        born=cut.expression(ast.Call("ifNull", (born, ast.Field(("timestamp",))))),
        kept=all_of(
            of_series(query.series[0], asker), of_query(query, asker), within(Period(cut.start(-1), period.end))
        ),
        count=constant(cut.count),
    )


def _result(node: SeriesNode, status: Status, data: list[int], cut: Buckets) -> Answer:
    return {
        "label": f"{node.label} - {status}",
        "status": status,
        "data": data,
        "count": sum(data),
        "days": [day_text(start, cut) for start in cut.starts()],
        "labels": [day_label(start, cut) for start in cut.starts()],
        "action": {"id": node.event, "type": "events", "order": 0, "name": node.event_name},
    }
