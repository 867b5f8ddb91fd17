"""ErrorTrackingQuery: exceptions put together into issues by their fingerprint."""

from collections import defaultdict
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from furze.hogql import ast, print_hogql
from furze.kit.clock import wire_time
from furze.query.kinds import table_query
from furze.query.kinds.asker import Asker
from furze.query.kinds.entity import OfEntity
from furze.query.kinds.periods import DateRange, Period, resolve
from furze.query.kinds.series import PropertyFilters, within
from furze.query.kinds.template import all_of, constant, expression, select
from furze.query.types import Answer

_ISSUES: Final = UUID("6a3f5c1e-4f5b-4b6e-9c1d-0d6c1a4e7b20")

_TYPE: Final = """coalesce(nullIf(JSONExtractString(properties, '$exception_list', 1, 'type'), ''),
    nullIf(JSONExtractString(properties, '$exception_types', 1), ''), properties.$exception_type, 'Error')"""
_MESSAGE: Final = """coalesce(nullIf(JSONExtractString(properties, '$exception_list', 1, 'value'), ''),
    nullIf(JSONExtractString(properties, '$exception_values', 1), ''), properties.$exception_message, '')"""
_FINGERPRINT: Final = "coalesce(properties.$exception_fingerprint, concat({type}, ': ', {message}))"

_PAGE: Final = """SELECT {fingerprint} AS issue, argMax({type}, timestamp) AS name,
    argMax({message}, timestamp) AS description, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
    count() AS occurrences, count(DISTINCT nullIf($session_id, '')) AS sessions, count(DISTINCT person_id) AS users,
    argMax(properties.$lib, timestamp) AS library
FROM events WHERE {kept} GROUP BY issue ORDER BY {order} {direction}, issue ASC LIMIT {most} OFFSET {skipped}"""


class ErrorTrackingQuery(OfEntity):
    """The query."""

    kind: Literal["ErrorTrackingQuery"] = "ErrorTrackingQuery"
    dateRange: DateRange = DateRange()
    orderBy: Literal["last_seen", "first_seen", "occurrences", "users", "sessions"] | None = "last_seen"
    orderDirection: Literal["ASC", "DESC"] | None = "DESC"
    searchQuery: str | None = None
    filterGroup: PropertyFilters = None
    filterTestAccounts: bool | None = False
    volumeResolution: int | None = None
    withAggregations: bool | None = True
    limit: int | None = None
    offset: int | None = None


async def error_tracking(query: ErrorTrackingQuery, asker: Asker) -> Answer:
    """A page of issues with how often, in how many sessions, and to how many people they happened."""
    limit, offset = table_query.page(query.limit, query.offset)
    period = resolve(query.dateRange, asker.now, asker.timezone, default="-7d")
    text = _PAGE.replace("{order}", query.orderBy or "last_seen").replace("{direction}", query.orderDirection or "DESC")
    kept = _kept(query, period, asker)
    statement = select(text, **_parts(), kept=kept, most=constant(limit + 1), skipped=constant(offset))
    found = (await asker.rows(statement, limit=limit + 1)).records()
    page = found[:limit]
    volumes = await _volumes(query, period, kept, [str(each["issue"]) for each in page], asker)
    return {
        "results": [_issue(each, volumes[str(each["issue"])], asker.project_id) for each in page],
        "columns": ["error", "volume", "occurrences", "sessions", "users"],
        "hasMore": len(found) > limit,
        "limit": limit,
        "offset": offset,
    }


def fingerprint_hogql() -> str:
    """What tells exceptions of one issue from those of another, as an expression over `events`."""
    return print_hogql(_parts()["fingerprint"])


def _parts() -> dict[str, ast.Expr]:
    kind, message = expression(_TYPE), expression(_MESSAGE)
    return {"type": kind, "message": message, "fingerprint": expression(_FINGERPRINT, type=kind, message=message)}


def _kept(query: ErrorTrackingQuery, period: Period, asker: Asker) -> ast.Expr:
    search = None
    if query.searchQuery:
        escaped = query.searchQuery.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        search = expression("properties ILIKE {pattern}", pattern=constant(f"%{escaped}%"))
    return all_of(
        expression("event = '$exception'"),
        within(period),
        query.of_entity(),
        asker.condition(query.filterGroup),
        search,
    )


async def _volumes(
    query: ErrorTrackingQuery, period: Period, kept: ast.Expr, issues: list[str], asker: Asker
) -> dict[str, list[Answer]]:
    """How often each issue happened in each of `volumeResolution` equal parts of the period."""
    parts = max(0, min(query.volumeResolution or 0, 200))
    seconds = (period.end - period.start) / max(parts, 1)
    counts: dict[tuple[str, int], int] = {}
    if parts and issues:
        statement = select(
            """SELECT {fingerprint} AS issue,
                intDiv(toUnixTimestamp64Micro(timestamp) - {since}, {width}) AS part, count()
            FROM events WHERE {kept} AND {fingerprint} IN {issues} GROUP BY issue, part""",
            fingerprint=_parts()["fingerprint"],
            since=constant(round(period.start.timestamp() * 1_000_000)),
            width=constant(max(1, round(seconds.total_seconds() * 1_000_000))),
            kept=kept,
            issues=ast.Tuple(tuple(ast.Constant(issue) for issue in issues)),
        )
        counts = {(str(issue), int(part)): count for issue, part, count in await asker.tuples(statement)}
    volumes: dict[str, list[Answer]] = defaultdict(list)
    for issue in issues:
        volumes[issue] = [
            {"label": wire_time(period.start + seconds * part), "value": counts.get((issue, part), 0)}
            for part in range(parts)
        ]
    return volumes


def _issue(row: dict[str, Any], volume: list[Answer], project_id: int) -> Answer:
    return {
        "id": uuid5(_ISSUES, f"{project_id}:{row['issue']}"),
        "fingerprint": row["issue"],
        "name": row["name"],
        "description": row["description"] or None,
        "status": "active",
        "assignee": None,
        "external_issues": [],
        "first_seen": row["first_seen"],
        "last_seen": row["last_seen"],
        "library": row["library"],
        "aggregations": {
            "occurrences": row["occurrences"],
            "sessions": row["sessions"],
            "users": row["users"],
            "volumeRange": [part["value"] for part in volume],
            "volume_buckets": volume,
        },
    }
