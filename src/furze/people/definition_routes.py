"""event_definitions and property_definitions: what arrived, of which types, and what callers say of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID, uuid5

from fastapi import Depends, Request
from pydantic import Field
from sqlalchemy import Connection, Table

from furze.hogql.tables import TABLES, Column
from furze.identity.types import MAX_GROUP_TYPES
from furze.kit import json
from furze.people import definition_store as store
from furze.people.definition_store import NO_GROUP, PropertyChoice
from furze.people.engine import People
from furze.people.observe import catch_up
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer, Body, WireTime
from furze.platform.pagination import AskedPage, Page, PageRequest
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item

endpoints = Endpoints("definitions")

READ_EVENTS: Final = "event_definition:read"
WRITE_EVENTS: Final = "event_definition:write"
READ_PROPERTIES: Final = "property_definition:read"
WRITE_PROPERTIES: Final = "property_definition:write"

Engine = Annotated[People, provided(People)]

_ORDERS: Final = ("name", "last_seen_at", "created_at", "verified")
_PREFIXES: Final = {"event_posthog": "$", "event_custom": "!"}
_SESSION_TYPES: Final = {"number": "Numeric", "boolean": "Boolean", "datetime": "DateTime"}
_SESSION_IDS: Final = UUID("0b7f3a3e-5a3d-4f39-9d39-6a1f0d1f4c55")
_TRUE: Final = ("true", "1", "yes")


class EventDefinitionChanges(Body):
    """What PATCH takes: only the keys sent are touched."""

    description: str | None = None
    tags: list[str] = []
    verified: bool = False
    hidden: bool | None = None


class PropertyDefinitionChanges(EventDefinitionChanges):
    """What PATCH takes; `property_type` overrules the type that the values have."""

    property_type: Literal["String", "Numeric", "Boolean", "DateTime", "Duration"] | None = None


class EventDefinitionAnswer(Answer):
    """An event that arrived."""

    id: UUID
    name: str
    description: str
    tags: list[str]
    verified: bool
    hidden: bool
    created_at: WireTime
    last_seen_at: WireTime
    owner: None = None
    is_action: bool = False
    action_id: None = None
    created_by: None = None
    verified_at: None = None
    verified_by: None = None
    is_calculating: bool = False
    last_calculated_at: None = None
    post_to_slack: bool = False
    default_columns: list[str] = Field(default=[])


class PropertyDefinitionAnswer(Answer):
    """A property that arrived."""

    id: UUID
    name: str
    description: str
    tags: list[str]
    verified: bool
    hidden: bool
    is_numerical: bool
    property_type: str | None
    is_seen_on_filtered_events: bool | None
    updated_at: None = None
    updated_by: None = None
    verified_at: None = None
    verified_by: None = None


@endpoints.get("/event_definitions", scope=READ_EVENTS, response=Page[EventDefinitionAnswer])
async def list_event_definitions(
    access: ProjectAccess,
    engine: Engine,
    page: AskedPage,
    search: str = "",
    event_type: str = "event",
    ordering: str = "name",
    exclude_hidden: str = "false",
) -> dict[str, Any]:
    """The events that arrived in the project. `event_type` narrows to `event_posthog` ($…) or `event_custom`."""
    await catch_up(engine)
    rows, count = await engine.database.read(
        store.list_events,
        access.project.id,
        search=search,
        prefix=_PREFIXES.get(event_type),
        with_hidden=exclude_hidden.lower() not in _TRUE,
        order=ordering if ordering.removeprefix("-") in _ORDERS else "name",
        limit=page.limit,
        offset=page.offset,
    )
    return page.page(rows, count)


@endpoints.get("/event_definitions/by_name", scope=READ_EVENTS, response=EventDefinitionAnswer)
async def get_event_definition_by_name(access: ProjectAccess, engine: Engine, name: str = "") -> Mapping[str, Any]:
    """The definition of the event of this name."""
    if not name:
        raise InvalidInput("This query parameter is required.", code="required", attr="name")
    await catch_up(engine)
    return _found(await engine.database.read(store.get_event, access.project.id, name))


@endpoints.get("/event_definitions/{definition_id}", scope=READ_EVENTS, response=EventDefinitionAnswer)
async def get_event_definition(access: ProjectAccess, engine: Engine, definition_id: str) -> Mapping[str, Any]:
    """The definition of one event."""
    return _found(await engine.database.read(store.get_event, access.project.id, _uuid(definition_id)))


@endpoints.patch("/event_definitions/{definition_id}", scope=WRITE_EVENTS, response=EventDefinitionAnswer)
async def change_event_definition(
    access: ProjectAccess,
    engine: Engine,
    definition_id: str,
    body: Annotated[EventDefinitionChanges, Depends(BodyOf(EventDefinitionChanges))],
) -> Mapping[str, Any]:
    """The definition with what is said of it changed."""
    return await engine.database.write(_change_event, access, engine, _uuid(definition_id), _values(body))


@endpoints.delete("/event_definitions/{definition_id}", scope=WRITE_EVENTS)
async def delete_event_definition(access: ProjectAccess, engine: Engine, definition_id: str) -> None:
    """Forget a definition; it comes back when the event does."""
    await engine.database.write(_delete_event, access, engine, _uuid(definition_id))


@endpoints.get("/property_definitions", scope=READ_PROPERTIES, response=Page[PropertyDefinitionAnswer])
async def list_property_definitions(
    access: ProjectAccess, engine: Engine, page: AskedPage, request: Request
) -> dict[str, Any]:
    """The properties that arrived, of `type` event, person, group (with `group_type_index`) or session.

    `event_names` (a JSON list) says for each property whether it came with one of these events; with
    `filter_by_event_names` only those are listed. `search` looks in names, `properties` names some.
    """
    query = request.query_params
    choice = _choice(query)
    if choice.type == "session":
        return _session_page(page, choice)
    await catch_up(engine)
    rows, count = await engine.database.read(
        store.list_properties, access.project.id, choice, limit=page.limit, offset=page.offset
    )
    return page.page([_property(row) for row in rows], count)


@endpoints.get("/property_definitions/{definition_id}", scope=READ_PROPERTIES, response=PropertyDefinitionAnswer)
async def get_property_definition(access: ProjectAccess, engine: Engine, definition_id: str) -> dict[str, Any]:
    """The definition of one property."""
    row = await engine.database.read(store.get_property, access.project.id, _uuid(definition_id))
    return _property(_found(row))


@endpoints.patch("/property_definitions/{definition_id}", scope=WRITE_PROPERTIES, response=PropertyDefinitionAnswer)
async def change_property_definition(
    access: ProjectAccess,
    engine: Engine,
    definition_id: str,
    body: Annotated[PropertyDefinitionChanges, Depends(BodyOf(PropertyDefinitionChanges))],
) -> dict[str, Any]:
    """The definition with what is said of it changed."""
    row = await engine.database.write(_change_property, access, engine, _uuid(definition_id), _values(body))
    return _property(row)


@endpoints.delete("/property_definitions/{definition_id}", scope=WRITE_PROPERTIES)
async def delete_property_definition(access: ProjectAccess, engine: Engine, definition_id: str) -> None:
    """Forget a definition; it comes back when the property does."""
    await engine.database.write(_delete_property, access, engine, _uuid(definition_id))


def _change_event(
    connection: Connection, access: Access, engine: People, definition_id: UUID, values: dict[str, Any]
) -> Mapping[str, Any]:
    before = _found(store.get_event(connection, access.project.id, definition_id))
    store.update_definition(connection, store.event_definitions, definition_id, values)
    _record(connection, access, engine, "EventDefinition", before, "changed")
    return _found(store.get_event(connection, access.project.id, definition_id))


def _change_property(
    connection: Connection, access: Access, engine: People, definition_id: UUID, values: dict[str, Any]
) -> Mapping[str, Any]:
    before = _found(store.get_property(connection, access.project.id, definition_id))
    store.update_definition(connection, store.property_definitions, definition_id, values)
    _record(connection, access, engine, "PropertyDefinition", before, "changed")
    return _found(store.get_property(connection, access.project.id, definition_id))


def _delete_event(connection: Connection, access: Access, engine: People, definition_id: UUID) -> None:
    before = _found(store.get_event(connection, access.project.id, definition_id))
    _delete(connection, access, engine, store.event_definitions, "EventDefinition", before)


def _delete_property(connection: Connection, access: Access, engine: People, definition_id: UUID) -> None:
    before = _found(store.get_property(connection, access.project.id, definition_id))
    _delete(connection, access, engine, store.property_definitions, "PropertyDefinition", before)


def _delete(
    connection: Connection, access: Access, engine: People, table: Table, scope: str, row: Mapping[str, Any]
) -> None:
    store.delete_definition(connection, table, row["id"])
    _record(connection, access, engine, scope, row, "deleted")


def _record(
    connection: Connection, access: Access, engine: People, scope: str, row: Mapping[str, Any], activity: str
) -> None:
    item = Item(scope, str(row["id"]), row["name"])
    by = Actor(access.project.id, access.user.id)
    record_activity(connection, by=by, item=item, activity=activity, now=engine.now())


def _values(body: EventDefinitionChanges) -> dict[str, Any]:
    values = body.model_dump(exclude_unset=True)
    if "description" in values:
        values["description"] = values["description"] or ""
    if "hidden" in values:
        values["hidden"] = bool(values["hidden"])
    return values


def _property(row: Mapping[str, Any]) -> dict[str, Any]:
    is_seen = row.get("is_seen")
    return {
        **row,
        "property_type": row["inferred_type"],
        "is_numerical": row["inferred_type"] == "Numeric",
        "is_seen_on_filtered_events": None if is_seen is None else bool(is_seen),
    }


def _choice(query: Mapping[str, str]) -> PropertyChoice:
    kind = query.get("type", "event")
    if kind not in ("event", "person", "group", "session"):
        raise InvalidInput(f'"{kind}" is not a valid choice.', code="invalid_choice", attr="type")
    names = query.get("properties")
    return PropertyChoice(
        type=kind,
        group_type_index=_group_type_index(query) if kind == "group" else NO_GROUP,
        search=query.get("search", ""),
        names=tuple(names.split(",")) if names else None,
        without=_names(query, "excluded_properties") or (),
        event_names=_names(query, "event_names"),
        only_of_events=query.get("filter_by_event_names", "").lower() in _TRUE,
        is_numerical=_truth(query.get("is_numerical")),
        is_feature_flag=_truth(query.get("is_feature_flag")),
        with_hidden=query.get("exclude_hidden", "").lower() not in _TRUE,
    )


def _group_type_index(query: Mapping[str, str]) -> int:
    text = query.get("group_type_index", "")
    if not text.isdigit() or int(text) >= MAX_GROUP_TYPES:
        raise InvalidInput("`group_type_index` must be set when type is `group`", attr="group_type_index")
    return int(text)


def _names(query: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    text = query.get(name)
    if not text:
        return None
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise InvalidInput("A JSON list of names is needed.", attr=name)
    return tuple(map(str, names))


def _truth(text: str | None) -> bool | None:
    return None if text is None else text.lower() in _TRUE


def _session_page(page: PageRequest, choice: PropertyChoice) -> dict[str, Any]:
    """The fields of a session are the same in every project."""
    names = [
        name
        for name in sorted(TABLES["sessions"].fields)
        if name.startswith("$")
        and all(word.lower() in name.lower() for word in choice.search.split())
        and (choice.names is None or name in choice.names)
    ]
    rows = [_session_property(name) for name in names]
    return page.page(rows[page.offset :][: page.limit], len(rows))


def _session_property(name: str) -> dict[str, Any]:
    found = TABLES["sessions"].fields[name]
    kind = _SESSION_TYPES.get(found.kind, "String") if isinstance(found, Column) else "String"
    return {
        "id": uuid5(_SESSION_IDS, name),
        "name": name,
        "description": "",
        "tags": [],
        "verified": False,
        "hidden": False,
        "is_numerical": kind == "Numeric",
        "property_type": kind,
        "is_seen_on_filtered_events": None,
    }


def _found(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if row is None:
        raise NotFound
    return row


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
