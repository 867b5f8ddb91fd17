"""What an assistant can do with a project's data: look up names, read the schema, run SQL, make an insight."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from furze.hogql.tables import TABLES
from furze.kit import json
from furze.llm.running import LONGEST_RESULT
from furze.llm.types import Artifact, Tool, ToolContext, ToolError, ToolResult
from furze.platform.errors import FurzeError
from furze.query.kinds import taxonomy
from furze.query.kinds.asker import Asker
from furze.query.run import QueryRunner
from furze.query.types import Answer, QueryMapping

_READ: Final = "query:read"
_SHOWN_ROWS: Final = 200
_SAMPLE_VALUES: Final = 60
_LONGEST_VALUE: Final = 80
_CHARTS: Final = (
    "TrendsQuery",
    "FunnelsQuery",
    "RetentionQuery",
    "LifecycleQuery",
    "StickinessQuery",
    "PathsQuery",
    "HogQLQuery",
)

_EXECUTE_SQL: Final = """Run a HogQL query (ClickHouse SQL) and show its rows. Tables: events (event, timestamp, \
distinct_id, person_id, properties.x, person.properties.x, $session_id, session.x, group_0.properties.x), persons, \
sessions, groups, person_distinct_ids. At most 200 rows come back; aggregate instead of listing."""

_CREATE_INSIGHT: Final = """Run an insight and show it as a chart. `query` is a PostHog query object: \
{"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signup", "math": "dau"}], "interval": "day", \
"dateRange": {"date_from": "-30d"}, "breakdownFilter": {"breakdown": "$browser", "breakdown_type": "event"}}; \
{"kind": "FunnelsQuery", "series": [...]}; {"kind": "RetentionQuery", "retentionFilter": {"targetEntity": \
{"id": "signup"}, "returningEntity": {"id": "login"}, "period": "Week"}}; also LifecycleQuery, StickinessQuery, \
PathsQuery. Property filters: "properties": [{"key": "plan", "value": "pro", "operator": "exact", "type": "person"}]."""

_TEXT: Final = {"type": "string"}


@dataclass(frozen=True, slots=True)
class _Level:
    """How much of a taxonomy is shown: sample values of a property, properties, events."""

    values: int
    properties: int
    events: int


_LEVELS: Final = (
    _Level(_SAMPLE_VALUES, 10_000, 10_000),
    _Level(20, 10_000, 10_000),
    _Level(5, 10_000, 10_000),
    _Level(2, 400, 200),
    _Level(0, 200, 100),
    _Level(0, 50, 50),
    _Level(0, 10, 30),
)


def tools(runner: QueryRunner) -> list[Tool]:
    """The tools, over one runner. All need the scope `query:read`, and answer in JSON."""
    return [_read_taxonomy(runner), _read_data(runner), _execute_sql(runner), _create_insight(runner)]


def _read_taxonomy(runner: QueryRunner) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        asker = await runner.asker(context.project.id)
        return await _told(_taxonomy, arguments, asker)

    return Tool(
        "read_taxonomy",
        "Names of the project's data. Without arguments: every event with its count and properties, the properties "
        "of events, people, sessions and groups with types and sample values. With `event`: that event's "
        "properties. With `property`: its values (`scope` says of what: event, person, session or group).",
        {
            "type": "object",
            "properties": {
                "event": _TEXT,
                "property": _TEXT,
                "scope": {"type": "string", "enum": ["event", "person", "session", "group"]},
            },
            "additionalProperties": False,
        },
        run,
        scope=_READ,
    )


def _read_data(runner: QueryRunner) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        asker = await runner.asker(context.project.id)
        return await _told(_schema, arguments, asker)

    return Tool(
        "read_data",
        "Read the schema that SQL can use: `data_warehouse_schema` lists the tables with their fields, "
        "`data_warehouse_table` shows one `table`.",
        {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": ["data_warehouse_schema", "data_warehouse_table"]},
                "table": _TEXT,
            },
            "required": ["kind"],
            "additionalProperties": False,
        },
        run,
        scope=_READ,
    )


def _execute_sql(runner: QueryRunner) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        return await shown(runner, {"kind": "HogQLQuery", "query": str(arguments["query"])}, arguments, context)

    return Tool("execute_sql", _EXECUTE_SQL, _parameters({"query": _TEXT}), run, scope=_READ)


def _create_insight(runner: QueryRunner) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        query = innermost(arguments["query"])
        if query.get("kind") not in _CHARTS:
            raise ToolError(f"{query.get('kind')!r} is no chart. `query.kind` is one of {', '.join(_CHARTS)}.")
        return await shown(runner, query, arguments, context)

    kinds = {"type": "object", "properties": {"kind": {"type": "string"}}}
    return Tool("create_insight", _CREATE_INSIGHT, _parameters({"query": kinds}), run, scope=_READ)


async def shown(
    runner: QueryRunner, query: QueryMapping, arguments: Mapping[str, Any], context: ToolContext
) -> ToolResult:
    """The answer as text for the model, and the query as a chart for the page."""
    answer = await _answer(runner, context, query)
    content = {
        "content_type": "visualization",
        "query": query,
        "name": arguments.get("name"),
        "description": arguments.get("description"),
    }
    text = json.dumps(compact(query, answer)).decode()
    return ToolResult(text, Artifact({name: value for name, value in content.items() if value is not None}))


def innermost(query: QueryMapping) -> QueryMapping:
    """The query that is run: without the nodes around it that say how a page shows it."""
    while isinstance(query.get("source"), dict):
        query = query["source"]
    return query


def _parameters(required: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {**required, "name": _TEXT, "description": _TEXT},
        "required": list(required),
    }


async def _answer(runner: QueryRunner, context: ToolContext, query: dict[str, Any]) -> Answer:
    try:
        return await runner.run(context.project.id, query)
    except FurzeError as error:
        raise ToolError(error.detail) from error


async def _told(
    read: Callable[[dict[str, Any], Asker], Awaitable[Any]], arguments: dict[str, Any], asker: Asker
) -> ToolResult:
    try:
        found = await read(arguments, asker)
    except FurzeError as error:
        raise ToolError(error.detail) from error
    return ToolResult(json.dumps(found).decode())


async def _taxonomy(arguments: dict[str, Any], asker: Asker) -> Any:
    event, name = arguments.get("event"), arguments.get("property")
    if name:
        scope = arguments.get("scope") or "event"
        found = await taxonomy.property_values(scope, name, asker, event=event)
        return {"property": name, "values": [{"value": value, "count": count} for value, count in found]}
    if event:
        return {"event": event, "event_properties": _described(await taxonomy.event_properties(event, asker))}
    return _fitted(await _overview(asker))


async def _overview(asker: Asker) -> Answer:
    of_event = await taxonomy.properties_by_event(asker)
    groups = {
        name: _described(await taxonomy.actor_properties(index, asker)) for name, index in asker.group_types.items()
    }
    return {
        "timezone": asker.timezone,
        "events": [
            {"event": event, "count": count, "properties": sorted(of_event.get(event, ()))}
            for event, count in await taxonomy.event_counts(asker)
        ],
        "event_properties": _described(await taxonomy.event_properties(None, asker, most_values=_SAMPLE_VALUES)),
        "person_properties": _described(await taxonomy.actor_properties(None, asker, most_values=_SAMPLE_VALUES)),
        "session_properties": taxonomy.session_fields(),
        "group_types": list(asker.group_types),
        "group_properties": groups,
    }


def _fitted(found: Answer) -> Answer:
    """The overview in what a model gets to read: first without rare sample values, then without rare names."""
    for level in _LEVELS:
        fitted = _reduced(found, level)
        if len(json.dumps(fitted).decode()) <= LONGEST_RESULT:
            return fitted
    return fitted


def _reduced(found: Answer, level: _Level) -> Answer:
    kept = dict.fromkeys(list(found["event_properties"])[: level.properties])
    reduced = {
        **found,
        "events": [
            {**each, "properties": [name for name in each["properties"] if name in kept]}
            for each in found["events"][: level.events]
        ],
    }
    for kind in ("event_properties", "person_properties"):
        reduced[kind] = _sampled(found[kind], level)
    reduced["group_properties"] = {name: _sampled(each, level) for name, each in found["group_properties"].items()}
    if level is not _LEVELS[0]:
        reduced["left_out"] = "Rare names and values. Ask with `event` or `property` for all of one."
    return reduced


def _sampled(properties: Answer, level: _Level) -> Answer:
    named = list(properties.items())[: level.properties]
    return {name: each | _values(each, level.values) for name, each in named}


def _values(described: Answer, most: int) -> Answer:
    return {"values": described["values"][:most]} if "values" in described else {}


async def _schema(arguments: dict[str, Any], _asker: Asker) -> Any:
    if arguments["kind"] == "data_warehouse_schema":
        return {name: sorted(table.fields) for name, table in TABLES.items()}
    table = TABLES.get(str(arguments.get("table")))
    if table is None:
        raise ToolError(f"There is no table {arguments.get('table')!r}. The tables are {', '.join(TABLES)}.")
    return {table.name: sorted(table.fields)}


def _described(found: Sequence[taxonomy.PropertySample]) -> Answer:
    """Properties by name. Sample values only of texts: those of numbers say little and take much room."""
    return {
        each.name: {"type": each.type, "values": [value for value in each.values if _is_telling(value)]}
        if each.type == "text"
        else {"type": each.type}
        for each in found
    }


def _is_telling(value: Any) -> bool:
    """Whether a person would say it in a question: no number, and no text of its own."""
    return isinstance(value, str) and len(value) <= _LONGEST_VALUE


def compact(query: QueryMapping, answer: Answer) -> Answer:
    """An answer as a model needs it: the numbers, what they are of, and the period they cover."""
    found: Answer = {"query": query}
    if answer.get("resolved_date_range"):
        found["period"] = answer["resolved_date_range"]
    results = answer.get("results")
    if query.get("kind") == "TrendsQuery":
        return found | {"results": [_series(each) for each in answer["results"]]}
    if query.get("kind") == "HogQLQuery" and isinstance(results, list):
        found |= {"columns": answer["columns"], "results": results[:_SHOWN_ROWS]}
        if answer.get("hasMore") or len(results) > _SHOWN_ROWS:
            found["note"] = f"More rows exist; these are the first {min(len(results), _SHOWN_ROWS)}."
        return found
    if query.get("kind") == "TracesQuery":
        return found | {"results": [_trace(each) for each in answer["results"]]}
    return found | {"results": results}


def _trace(result: Answer) -> Answer:
    """A trace without its calls, which would be most of the answer; they are read one trace at a time."""
    kept = {name: value for name, value in result.items() if name not in ("events", "person")}
    return kept | {"calls": sum(each["event"] == "$ai_generation" for each in result["events"])}


def _series(result: Answer) -> Answer:
    kept = {"label": result["label"], "value": result.get("aggregated_value"), "count": result["count"]}
    kept |= {name: result[name] for name in ("breakdown_value", "compare_label") if name in result}
    return kept | ({"days": result["days"], "data": result["data"]} if result.get("data") else {})
