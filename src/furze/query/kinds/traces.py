"""TracesQuery: what language models were asked, put together from `$ai_…` events by their trace."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from furze.hogql import ast
from furze.kit import json
from furze.query.kinds import table_query
from furze.query.kinds.asker import Asker
from furze.query.kinds.entity import OfEntity
from furze.query.kinds.periods import DateRange, resolve
from furze.query.kinds.series import PropertyFilters, names_tuple, within
from furze.query.kinds.template import all_of, constant, expression, select
from furze.query.types import Answer

_EVENTS: Final = ("$ai_span", "$ai_generation", "$ai_embedding", "$ai_metric", "$ai_feedback", "$ai_trace")
_EVENTS_OF_A_TRACE: Final = 100

_TRACES: Final = """SELECT properties.$ai_trace_id AS trace, min(timestamp) AS began, max(timestamp) AS ended,
    argMin((person_id, distinct_id, person.created_at, person.properties), timestamp) AS whose,
    sumIf(toFloat(properties.$ai_input_tokens), {is_call}) AS input_tokens,
    sumIf(toFloat(properties.$ai_output_tokens), {is_call}) AS output_tokens,
    sumIf(toFloat(properties.$ai_input_cost_usd), {is_call}) AS input_cost,
    sumIf(toFloat(properties.$ai_output_cost_usd), {is_call}) AS output_cost,
    sumIf(toFloat(properties.$ai_total_cost_usd), {is_call}) AS total_cost,
    if(countIf(event = '$ai_trace' AND properties.$ai_latency IS NOT NULL) > 0,
        maxIf(toFloat(properties.$ai_latency), event = '$ai_trace'),
        sumIf(toFloat(properties.$ai_latency), {is_call})) AS latency,
    anyIf(coalesce(properties.$ai_span_name, properties.$ai_trace_name), event = '$ai_trace') AS name,
    countIf(properties.$ai_is_error) AS errors
FROM events WHERE {kept} GROUP BY trace ORDER BY began DESC, trace ASC LIMIT {most} OFFSET {skipped}"""


class TracesQuery(OfEntity):
    """The query."""

    kind: Literal["TracesQuery", "TraceQuery"] = "TracesQuery"
    traceId: str | None = None
    dateRange: DateRange = DateRange()
    properties: PropertyFilters = None
    filterTestAccounts: bool | None = False
    limit: int | None = None
    offset: int | None = None


async def traces(query: TracesQuery, asker: Asker) -> Answer:
    """A page of traces, newest first, each with its first hundred events."""
    limit, offset = table_query.page(query.limit, query.offset)
    statement = select(
        _TRACES,
        is_call=expression("event IN ('$ai_generation', '$ai_embedding')"),
        kept=_kept(query, asker),
        most=constant(limit + 1),
        skipped=constant(offset),
    )
    found = (await asker.rows(statement, limit=limit + 1)).records()
    page = found[:limit]
    events = await _events(page, query, asker)
    return {
        "results": [_trace(each, events[str(each["trace"])]) for each in page],
        "columns": ["id", "createdAt", "person", "totalLatency", "inputTokens", "outputTokens", "totalCost", "events"],
        "hasMore": len(found) > limit,
        "limit": limit,
        "offset": offset,
    }


def _kept(query: TracesQuery, asker: Asker) -> ast.Expr:
    is_one = query.traceId is not None
    period = None if is_one else resolve(query.dateRange, asker.now, asker.timezone, default="-7d")
    return all_of(
        expression("event IN {names}", names=names_tuple(_EVENTS)),
        expression("properties.$ai_trace_id IS NOT NULL"),
        expression("properties.$ai_trace_id = {trace}", trace=constant(query.traceId)) if is_one else None,
        within(period) if period else None,
        query.of_entity(),
        asker.condition(query.properties),
    )


async def _events(page: Sequence[Mapping[str, Any]], query: TracesQuery, asker: Asker) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    if not page:
        return found
    # Their time spares reading every call there ever was; an hour more on each side, for what the filters left out.
    first, last = min(each["began"] for each in page), max(each["ended"] for each in page)
    statement = select(
        f"""SELECT properties.$ai_trace_id AS trace, uuid, event, timestamp, properties FROM events WHERE {{kept}}
        ORDER BY timestamp ASC, uuid ASC LIMIT {_EVENTS_OF_A_TRACE} BY trace""",
        kept=all_of(
            expression("event IN {names}", names=names_tuple(_EVENTS)),
            expression("timestamp >= {first} - INTERVAL 1 HOUR", first=constant(first)),
            expression("timestamp <= {last} + INTERVAL 1 HOUR", last=constant(last)),
            query.of_entity(),
            expression(
                "properties.$ai_trace_id IN {traces}", traces=names_tuple([str(each["trace"]) for each in page])
            ),
        ),
    )
    for trace, uuid, event, time, properties in await asker.tuples(statement):
        content = {"id": uuid, "event": event, "createdAt": time, "properties": json.loads(properties or "{}")}
        found[str(trace)].append(content)
    return found


def _trace(row: dict[str, Any], events: list[Answer]) -> Answer:
    person_id, distinct_id, created_at, properties = row["whose"]
    return {
        "id": row["trace"],
        "createdAt": row["began"],
        "distinctId": distinct_id,
        "person": {
            "uuid": person_id,
            "distinct_id": distinct_id,
            "created_at": created_at,
            "properties": json.loads(properties or "{}"),
        },
        "inputTokens": row["input_tokens"] or 0,
        "outputTokens": row["output_tokens"] or 0,
        "inputCost": row["input_cost"] or 0,
        "outputCost": row["output_cost"] or 0,
        "totalCost": row["total_cost"] or 0,
        "totalLatency": row["latency"] or 0,
        "traceName": row["name"] or None,
        "errorCount": row["errors"],
        "events": events,
    }
