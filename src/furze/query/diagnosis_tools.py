"""What an assistant can do with exceptions and with calls of language models: find them, and read one whole."""

from functools import partial
from typing import Any, Final

from furze.llm.types import Tool, ToolContext, ToolResult
from furze.query.kinds.error_tracking import fingerprint_hogql
from furze.query.run import QueryRunner
from furze.query.tools import shown
from furze.query.types import QueryMapping

_READ: Final = "query:read"
_MOST: Final = 25
_TEXT: Final = {"type": "string"}
_DATES: Final = {
    "date_from": {"type": "string", "description": "Such as -7d, the default, -1mStart or 2026-01-31."},
    "date_to": _TEXT,
}
#: Where they are at hand: in their own mode, and where a plan or a report may need them.
_ERRORS: Final = frozenset(("error_tracking", "research", "plan", "execution"))
_CALLS: Final = frozenset(("llm_analytics", "research", "plan", "execution"))
_ORDERS: Final = ("last_seen", "first_seen", "occurrences", "users", "sessions")
_GROUPS: Final = {
    "model": "coalesce(properties.$ai_model, '(unknown)')",
    "provider": "coalesce(properties.$ai_provider, '(unknown)')",
    "person": "distinct_id",
    "day": "toDate(timestamp)",
}

_ISSUE: Final = """SELECT toDate(timestamp) AS day, count() AS occurrences, count(DISTINCT person_id) AS users,
    max(timestamp) AS last_seen, argMax(properties.$exception_list, timestamp) AS latest_stack,
    argMax(properties.$current_url, timestamp) AS latest_url
FROM events WHERE event = '$exception' AND {filters} AND %s = {fingerprint}
GROUP BY day ORDER BY day"""

_USAGE: Final = """SELECT %s AS %s, count() AS calls, sum(toFloat(properties.$ai_total_cost_usd)) AS cost_usd,
    sum(toFloat(properties.$ai_input_tokens)) AS input_tokens,
    sum(toFloat(properties.$ai_output_tokens)) AS output_tokens,
    round(quantile(0.5)(toFloat(properties.$ai_latency)), 2) AS median_seconds,
    countIf(properties.$ai_is_error) AS errors
FROM events WHERE event = '$ai_generation' AND {filters} GROUP BY %s ORDER BY %s LIMIT 100"""


def tools(runner: QueryRunner) -> list[Tool]:
    """The tools. They answer in JSON, each with its query as a chart."""
    return [
        Tool(
            "search_error_tracking_issues",
            "Exceptions put together into issues: how often, in how many sessions, to how many people, since when. "
            "`search` looks in their texts.",
            _object(search=_TEXT, order_by={"type": "string", "enum": list(_ORDERS)}, **_DATES),
            partial(_search_issues, runner),
            scope=_READ,
            modes=_ERRORS,
        ),
        Tool(
            "read_error_tracking_issue",
            "One issue, by its `fingerprint`: day by day how often and to how many, with the latest stack and page.",
            _object("fingerprint", fingerprint=_TEXT, **_DATES),
            partial(_read_issue, runner),
            scope=_READ,
            modes=_ERRORS,
        ),
        Tool(
            "search_llm_traces",
            "Traces of calls to language models, newest first: who, tokens, cost, latency, errors. `properties` are "
            "property filters.",
            _object(properties={"type": "array", "items": {"type": "object"}}, **_DATES),
            partial(_search_traces, runner),
            scope=_READ,
            modes=_CALLS,
        ),
        Tool(
            "read_llm_trace",
            "One trace of calls to language models, by its `trace_id`, with every call: inputs, outputs, errors.",
            _object("trace_id", trace_id=_TEXT),
            partial(_read_trace, runner),
            scope=_READ,
            modes=_CALLS,
        ),
        Tool(
            "summarize_llm_usage",
            "Calls of language models by model, provider, person or day: count, cost, tokens, latency, errors.",
            _object("by", by={"type": "string", "enum": list(_GROUPS)}, **_DATES),
            partial(_summarize_usage, runner),
            scope=_READ,
            modes=_CALLS,
        ),
    ]


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _period(arguments: dict[str, Any]) -> dict[str, Any]:
    given = {name: arguments[name] for name in _DATES if arguments.get(name)}
    return {"date_from": "-7d", **given}


async def _search_issues(runner: QueryRunner, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    query: QueryMapping = {
        "kind": "ErrorTrackingQuery",
        "dateRange": _period(arguments),
        "orderBy": arguments.get("order_by") or "occurrences",
        "limit": _MOST,
    }
    if arguments.get("search"):
        query["searchQuery"] = arguments["search"]
    return await shown(runner, query, {"name": "Issues"}, context)


async def _read_issue(runner: QueryRunner, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    fingerprint = arguments["fingerprint"]
    query = {**_sql(_ISSUE % fingerprint_hogql(), arguments), "values": {"fingerprint": fingerprint}}
    return await shown(runner, query, {"name": fingerprint[:80]}, context)


async def _search_traces(runner: QueryRunner, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    query: QueryMapping = {"kind": "TracesQuery", "dateRange": _period(arguments), "limit": _MOST}
    if arguments.get("properties"):
        query["properties"] = arguments["properties"]
    return await shown(runner, query, {"name": "Traces"}, context)


async def _read_trace(runner: QueryRunner, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    query = {"kind": "TraceQuery", "traceId": arguments["trace_id"]}
    return await shown(runner, query, {"name": f"Trace {arguments['trace_id']}"[:80]}, context)


async def _summarize_usage(runner: QueryRunner, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    by = arguments["by"]
    order = "day" if by == "day" else "cost_usd DESC, calls DESC"
    query = _sql(_USAGE % (_GROUPS[by], by, by, order), arguments)
    return await shown(runner, query, {"name": f"Language models by {by}"}, context)


def _sql(text: str, arguments: dict[str, Any]) -> QueryMapping:
    return {"kind": "HogQLQuery", "query": text, "filters": {"dateRange": _period(arguments)}}
