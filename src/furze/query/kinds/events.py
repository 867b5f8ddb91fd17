"""EventsQuery: events as rows, newest first."""

from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.hogql.dates import parse_date
from furze.hogql.parser import parse_expression
from furze.kit import json
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body, WireUUID
from furze.query.kinds import table_query
from furze.query.kinds.asker import Asker
from furze.query.kinds.series import PropertyFilters, names_tuple
from furze.query.kinds.template import constant, expression
from furze.query.types import Answer

_EVENT: Final = (
    "uuid",
    "event",
    "properties",
    "timestamp",
    "distinct_id",
    "elements_chain",
    "created_at",
    "person_mode",
    "person_id",
)
_PERSON: Final = ("person_id", "distinct_id", "person.created_at", "person.properties", "person.is_identified")
_DAY: Final = "-24h"


class EventsQuery(Body):
    """The query."""

    kind: Literal["EventsQuery"] = "EventsQuery"
    select: list[str] = Field(default=["*"], min_length=1)
    event: str | None = None
    events: list[str] | None = None
    actionId: int | None = None
    where: list[str] | None = None
    orderBy: list[str] | None = None
    after: str | None = None
    before: str | None = None
    properties: PropertyFilters = None
    fixedProperties: PropertyFilters = None
    filterTestAccounts: bool | None = False
    personId: WireUUID | None = None
    source: Any = None
    limit: int | None = None
    offset: int | None = None


async def events(query: EventsQuery, asker: Asker) -> Answer:
    """A page of rows with the columns asked for; `*` is an event object and `person` a person object."""
    if query.actionId is not None or query.source is not None:
        raise InvalidInput("'actionId' and 'source' are not supported. Use 'event', 'where' or 'properties'.")
    limit, offset = table_query.page(query.limit, query.offset)
    columns = [_column(text) for text in query.select]
    found = await asker.rows(
        table_query.statement(
            "events", columns, _conditions(query, asker), _order(query, columns), limit=limit, offset=offset
        ),
        limit=limit + 1,
    )
    rows, has_more = table_query.paged(found, limit)
    for number, text in enumerate(query.select):
        present = {"*": _event_object, "person": _person_object}.get(text)
        if present:
            for row in rows:
                row[number] = present(row[number], asker.project_id)
    return {
        "columns": query.select,
        "types": list(found.types),
        "results": rows,
        "hasMore": has_more,
        "limit": limit,
        "offset": offset,
    }


def _column(text: str) -> ast.Expr:
    if text == "*":
        return _tuple(_EVENT)
    if text == "person":
        return _tuple(_PERSON)
    if text == "person_display_name":
        return expression("coalesce(person.properties.email, person.properties.name, distinct_id)")
    return table_query.column(text)


def _tuple(names: tuple[str, ...]) -> ast.Expr:
    return ast.Tuple(tuple(ast.Field(tuple(name.split("."))) for name in names))


def _conditions(query: EventsQuery, asker: Asker) -> list[ast.Expr | None]:
    events_named = [query.event] if query.event else query.events or []
    return [
        *_dates(query, asker),
        expression("event IN {names}", names=names_tuple(events_named)) if events_named else None,
        expression("person_id = {person}", person=constant(query.personId)) if query.personId else None,
        asker.condition(query.properties),
        asker.condition(query.fixedProperties),
        *(parse_expression(text) for text in query.where or ()),
    ]


def _dates(query: EventsQuery, asker: Asker) -> list[ast.Expr]:
    before = parse_date(query.before, now=asker.now, timezone=asker.timezone) or asker.now + timedelta(seconds=5)
    after = parse_date(query.after or _DAY, now=asker.now, timezone=asker.timezone)
    conditions = [expression("timestamp < {before}", before=constant(before))]
    if after is not None:
        conditions.append(expression("timestamp > {after}", after=constant(after)))
    return conditions


def _order(query: EventsQuery, columns: list[ast.Expr]) -> list[ast.OrderExpr]:
    if query.orderBy:
        return table_query.order(
            ["timestamp" + text.removeprefix("*") if text[:1] == "*" else text for text in query.orderBy]
        )
    aggregations = [expr for expr in columns if table_query.is_aggregation(expr)]
    if aggregations:
        return [ast.OrderExpr(aggregations[0], "DESC")]
    return table_query.order(["timestamp DESC"])


def _event_object(values: Any, project_id: int) -> Answer:
    event = dict(zip(_EVENT, values, strict=True))
    properties = json.loads(event["properties"] or "{}")
    return {**event, "properties": properties, "elements": [], "team_id": project_id}


def _person_object(values: Any, _project_id: int) -> Answer:
    uuid, distinct_id, created_at, properties, is_identified = values
    return {
        "uuid": uuid,
        "distinct_id": distinct_id,
        "created_at": created_at,
        "properties": json.loads(properties or "{}"),
        "is_identified": bool(is_identified),
    }
