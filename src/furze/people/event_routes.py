"""events: list, one, values for autocomplete."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request

from furze.hogql import HogQLError, ast, parse_date, print_hogql
from furze.identity import store as identities
from furze.identity.types import Person
from furze.kit import json
from furze.kit.clock import wire_time
from furze.people.engine import People
from furze.people.types import ValueCount
from furze.platform.auth import ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer
from furze.platform.pagination import AskedPage, PageRequest
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("events")

READ: Final = "query:read"

Engine = Annotated[People, provided(People)]

_COLUMNS: Final = "uuid, event, properties, timestamp, distinct_id, elements_chain, person_id"
#: A page is looked for in the newest time first: most pages are full by then, and old events are not read.
_WINDOWS: Final = (timedelta(days=1), timedelta(days=30))
_MOST_ROWS: Final = 50_000


class EventAnswer(Answer):
    """An event."""

    id: UUID
    distinct_id: str
    properties: dict[str, Any]
    event: str
    timestamp: str
    person: dict[str, Any] | None
    elements: list[Any]
    elements_chain: str


class EventPage(Answer):
    """A page of events; `next` goes on with older ones."""

    next: str | None
    results: list[EventAnswer]


@endpoints.get("/events", scope=READ, response=EventPage)
async def list_events(access: ProjectAccess, engine: Engine, request: Request, page: AskedPage) -> dict[str, Any]:
    """Events, newest first: `after`, `before`, `event`, `distinct_id`, `person_id`, `properties` (JSON) narrow them.

    `orderBy=["timestamp"]` gives the oldest first.
    """
    query = request.query_params
    project_id = access.project.id
    limit = min(page.limit, _MOST_ROWS - 1)
    order = "ASC" if _wants_oldest(query) else "DESC"
    where, values = _conditions(query, engine.now())
    filters = _filters(query.get("properties"))
    rows: list[list[Any]] = []
    for after in _starts(query, values["before"], order):
        condition = f"{where} AND timestamp > {{after}}" if after else where
        text = (
            f"SELECT {_COLUMNS} FROM events WHERE {condition} AND {{filters}} ORDER BY timestamp {order}, uuid {order} "
            f"LIMIT {limit + 1} OFFSET {page.offset}"
        )
        rows = await engine.rows(project_id, text, {**values, **({"after": after} if after else {})}, filters)
        if len(rows) > limit:
            break
    following = _next(page, rows[:limit], order) if len(rows) > limit else None
    return {"next": following, "results": await _events(engine, project_id, rows[:limit])}


@endpoints.get("/events/values", scope=READ, response=list[ValueCount])
async def list_event_values(
    access: ProjectAccess, engine: Engine, request: Request, key: str = "", value: str = ""
) -> list[dict[str, Any]]:
    """The most frequent values of an event property in the last 30 days that contain `value`."""
    if not key:
        raise InvalidInput("You must provide a key", attr="key")
    names = request.query_params.getlist("event_name")
    field = "event" if key == "custom_event" else print_hogql(ast.Field(("properties", key)))
    rows = await engine.rows(
        access.project.id,
        f"SELECT toString({field}) AS value, count() FROM events WHERE timestamp > {{since}} AND value IS NOT NULL "
        f"AND value ILIKE {{pattern}} {'AND event IN {names}' if names else ''} "
        "GROUP BY value ORDER BY count() DESC, value LIMIT 25",
        {"since": engine.now() - timedelta(days=30), "pattern": f"%{value}%", "names": names},
    )
    return [{"name": name, "count": count} for name, count in rows]


@endpoints.get("/events/{event_id}", scope=READ, response=EventAnswer)
async def get_event(access: ProjectAccess, engine: Engine, event_id: str) -> dict[str, Any]:
    """One event."""
    try:
        uuid = UUID(event_id)
    except ValueError:
        raise NotFound from None
    rows = await engine.rows(
        access.project.id, f"SELECT {_COLUMNS} FROM events WHERE uuid = {{uuid}} LIMIT 1", {"uuid": str(uuid)}
    )
    if not rows:
        raise NotFound
    return (await _events(engine, access.project.id, rows))[0]


def _conditions(query: Mapping[str, str], now: datetime) -> tuple[str, dict[str, Any]]:
    before = _instant(query, "before", now) or now + timedelta(seconds=5)
    values: dict[str, Any] = {"before": before}
    conditions = ["timestamp < {before}"]
    for name in ("event", "distinct_id"):
        if query.get(name):
            conditions.append(f"{name} = {{{name}}}")
            values[name] = query[name]
    if query.get("person_id"):
        try:
            values["person_id"] = str(UUID(query["person_id"]))
        except ValueError:
            raise InvalidInput("Must be a valid UUID.", attr="person_id") from None
        conditions.append("person_id = {person_id}")
    return " AND ".join(conditions), values


def _starts(query: Mapping[str, str], before: datetime, order: str) -> list[datetime | None]:
    """From when on to look, one after the other, until a page is full."""
    after = _instant(query, "after", before)
    if order == "ASC":
        return [after]
    narrower: list[datetime | None] = [
        before - window for window in _WINDOWS if after is None or before - window > after
    ]
    return [*narrower, after]


def _instant(query: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return parse_date(text.replace(" ", "+"), now=now, timezone="UTC")
    except HogQLError as error:
        raise InvalidInput(error.message, attr=name) from error


def _next(page: PageRequest, rows: list[list[Any]], order: str) -> str:
    """Where the page after `rows` begins: at its last instant, without the rows that had that instant already."""
    last = rows[-1][3]
    step = timedelta(microseconds=1)
    bound, instant = ("before", last + step) if order == "DESC" else ("after", last - step)
    given = dict(page.query)
    skipped = sum(row[3] == last for row in rows)
    if skipped == len(rows) and given.get(bound) == wire_time(instant):
        skipped += page.offset
    kept = {name: value for name, value in given.items() if name != "offset"}
    return f"{page.url}?{urlencode({**kept, bound: wire_time(instant), 'offset': skipped})}"


def _wants_oldest(query: Mapping[str, str]) -> bool:
    order = _json(query.get("orderBy") or "[]", "orderBy")
    return isinstance(order, list) and order[:1] == ["timestamp"]


def _filters(text: str | None) -> list[dict[str, Any]]:
    filters = _json(text, "properties") if text else []
    if isinstance(filters, dict):
        filters = [filters]
    if not isinstance(filters, list) or not all(isinstance(each, dict) for each in filters):
        raise InvalidInput("A JSON list of property filters is needed.", attr="properties")
    return filters


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidInput("Properties are unparsable!", attr=name) from None


async def _events(engine: People, project_id: int, rows: list[list[Any]]) -> list[dict[str, Any]]:
    ids = list({row[4] for row in rows})
    people: dict[str, Person] = {}
    for start in range(0, len(ids), 10_000):
        chunk = ids[start : start + 10_000]
        people |= await engine.database.read(identities.persons_by_distinct_id, project_id, chunk)
    return [_event(row, people.get(row[4])) for row in rows]


def _event(row: list[Any], person: Person | None) -> dict[str, Any]:
    uuid, event, properties, timestamp, distinct_id, elements_chain, _ = row
    return {
        "id": uuid,
        "event": event,
        "properties": json.loads(properties or "{}"),
        "timestamp": wire_time(timestamp),
        "distinct_id": distinct_id,
        "person": _person(person) if person else None,
        "elements": [],
        "elements_chain": elements_chain,
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "is_identified": person.is_identified,
        "distinct_ids": list(person.distinct_ids),
        "properties": dict(person.properties),
    }
