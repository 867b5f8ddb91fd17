"""groups and groups_types: list, look up, create, change; who is related; usage metrics."""

from collections.abc import Callable
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import Field
from sqlalchemy import Connection

from furze.hogql import ast, print_hogql
from furze.identity import store as identities
from furze.identity.types import GroupType
from furze.people import changes, metrics
from furze.people.engine import People
from furze.people.metrics import MetricAnswer, MetricBody, MetricChanges
from furze.people.related import related
from furze.people.types import GroupAnswer, PropertyBody, ValueCount, group_answer
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer, Body, RequiredText, WireTime
from furze.platform.pagination import AskedPage, CursorPage, CursorReader, CursorRequest, Page
from furze.platform.requests import BodyOf, read_body, validate
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("groups")

P = ParamSpec("P")
T = TypeVar("T")

READ: Final = "group:read"
WRITE: Final = "group:write"
READ_METRICS: Final = "usage_metric:read"
WRITE_METRICS: Final = "usage_metric:write"

Engine = Annotated[People, provided(People)]
Cursor = Annotated[CursorRequest, Depends(CursorReader(100))]

_NO_INDEX: Final = (
    "You must pass ?group_type_index= in this URL. "
    "To get a list of valid group types, call /api/:project_id/groups_types/."
)


class GroupBody(Body):
    """A group to create."""

    group_type_index: int = Field(ge=0, le=4)
    group_key: RequiredText = Field(max_length=400)
    group_properties: dict[str, Any] | None = None


class UnsetOneBody(Body):
    """The property to take away."""

    unset: Any = Field(default=None, alias="$unset")


class GroupTypeAnswer(Answer):
    """A kind of group."""

    group_type: str
    group_type_index: int
    name_singular: str | None
    name_plural: str | None
    detail_dashboard: int | None = None
    default_columns: list[str] | None = None
    created_at: WireTime


class GroupTypeChanges(Body):
    """Other names for a group type."""

    group_type_index: int
    name_singular: str | None = None
    name_plural: str | None = None


@endpoints.get("/groups", scope=READ, response=CursorPage[GroupAnswer])
async def list_groups(
    access: ProjectAccess,
    engine: Engine,
    page: Cursor,
    group_type_index: str = "",
    search: str | None = None,
    group_key: str | None = None,
) -> dict[str, Any]:
    """The groups of one type, newest first."""
    if not group_type_index:
        raise InvalidInput(_NO_INDEX, attr="group_type_index")
    found, _ = await engine.database.read(
        identities.list_groups,
        access.project.id,
        _index(group_type_index),
        search=search or group_key,
        limit=page.limit + 1,
        offset=page.offset,
    )
    return page.page(found, group_answer)


@endpoints.post("/groups", scope=WRITE, response=GroupAnswer)
async def create_group(
    access: ProjectAccess, engine: Engine, body: Annotated[GroupBody, Depends(BodyOf(GroupBody))]
) -> dict[str, Any]:
    """A new group of a type that the project has."""
    by, properties = _by(access, engine), body.group_properties or {}
    return group_answer(
        await engine.change(changes.create_group, by, body.group_type_index, body.group_key, properties)
    )


@endpoints.get("/groups/find", scope=READ, response=GroupAnswer)
async def find_group(
    access: ProjectAccess, engine: Engine, group_type_index: str = "", group_key: str = ""
) -> dict[str, Any]:
    """One group."""
    index, key = _key(group_type_index, group_key)
    group = await engine.database.read(identities.get_group, access.project.id, index, key)
    if group is None:
        raise NotFound
    return group_answer(group)


@endpoints.post("/groups/update_property", scope=WRITE, response=GroupAnswer, status=200)
async def update_group_property(
    access: ProjectAccess,
    engine: Engine,
    body: Annotated[PropertyBody, Depends(BodyOf(PropertyBody))],
    group_type_index: str = "",
    group_key: str = "",
) -> dict[str, Any]:
    """The group with one property set."""
    if body.value is None:
        raise InvalidInput("This field is required.", attr="value")
    index, key = _key(group_type_index, group_key)
    by = _by(access, engine)
    return group_answer(await engine.change(changes.change_group, by, index, key, to_set={body.key: body.value}))


@endpoints.post("/groups/delete_property", scope=WRITE, response=GroupAnswer, status=200)
async def delete_group_property(
    access: ProjectAccess,
    engine: Engine,
    body: Annotated[UnsetOneBody, Depends(BodyOf(UnsetOneBody))],
    group_type_index: str = "",
    group_key: str = "",
) -> dict[str, Any]:
    """The group without one of its properties."""
    if not isinstance(body.unset, str):
        detail = "This field is required and must be a string (the property name to delete)."
        raise InvalidInput(detail, attr="$unset")
    index, key = _key(group_type_index, group_key)
    by = _by(access, engine)
    return group_answer(await engine.change(changes.change_group, by, index, key, to_unset=body.unset))


@endpoints.get("/groups/related", scope=READ)
async def list_related(
    access: ProjectAccess,
    engine: Engine,
    id: str = "",  # noqa: A002 - PostHog's parameter
    group_type_index: str | None = None,
) -> list[dict[str, Any]]:
    """The people and groups that occur on the same events in the last 90 days; `id` is a group key or a person."""
    if not id:
        raise InvalidInput("This query parameter is required.", attr="id")
    index = _index(group_type_index) if group_type_index else None
    return await related(engine, access.project.id, index, id)


@endpoints.get("/groups/property_definitions", scope=READ)
async def list_group_properties(access: ProjectAccess, engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """The properties that groups have, by the number of their type, with how many groups have each."""
    rows = await engine.rows(
        access.project.id,
        "SELECT index, arrayJoin(JSONExtractKeys(properties)) AS name, count() FROM groups "
        "GROUP BY index, name ORDER BY count() DESC, name LIMIT 5000",
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for index, name, count in rows:
        found.setdefault(str(index), []).append({"name": name, "count": count})
    return found


@endpoints.get("/groups/property_values", scope=READ, response=list[ValueCount])
async def list_group_values(
    access: ProjectAccess, engine: Engine, group_type_index: str = "", key: str = "", value: str = ""
) -> list[dict[str, Any]]:
    """The most frequent values of a property of groups that contain `value`."""
    if not key:
        return []
    field = print_hogql(ast.Field(("properties", key)))
    rows = await engine.rows(
        access.project.id,
        f"SELECT toString({field}) AS value, count() FROM groups WHERE index = {{index}} AND value IS NOT NULL "
        "AND value ILIKE {pattern} GROUP BY value ORDER BY count() DESC, value LIMIT 25",
        {"pattern": f"%{value}%", "index": _index(group_type_index)},
    )
    return [{"name": name, "count": count} for name, count in rows]


@endpoints.get("/groups_types", scope=READ, response=list[GroupTypeAnswer])
async def list_group_types(access: ProjectAccess, engine: Engine) -> list[GroupType]:
    """The project's group types by their number."""
    return await engine.database.read(identities.list_group_types, access.project.id)


@endpoints.patch("/groups_types/update_metadata", scope=WRITE, response=list[GroupTypeAnswer])
async def rename_group_types(access: ProjectAccess, engine: Engine, request: Request) -> list[GroupType]:
    """The group types with the names sent; the body is a list."""
    body = await read_body(request)
    if not isinstance(body, list):
        raise InvalidInput(f'Expected a list of items but got type "{type(body).__name__}".', code="not_a_list")
    names = [validate(GroupTypeChanges, each).model_dump(exclude_unset=True) for each in body]
    await engine.database.write(changes.rename_group_types, access.project.id, names)
    return await engine.database.read(identities.list_group_types, access.project.id)


@endpoints.get("/groups_types/{group_type_index}/metrics", scope=READ_METRICS, response=Page[MetricAnswer])
async def list_metrics(access: ProjectAccess, engine: Engine, page: AskedPage, group_type_index: str) -> dict[str, Any]:
    """The project's usage metrics; they hold for people and for groups of any type, so the number means nothing."""
    _index(group_type_index)
    rows = await engine.database.read(metrics.list_metrics, access.project.id)
    return page.page(rows[page.offset :][: page.limit], len(rows))


@endpoints.post("/groups_types/{group_type_index}/metrics", scope=WRITE_METRICS, response=MetricAnswer)
async def create_metric(
    access: ProjectAccess,
    engine: Engine,
    group_type_index: str,
    body: Annotated[MetricBody, Depends(BodyOf(MetricBody))],
) -> Any:
    """A new usage metric."""
    _index(group_type_index)
    return await _saved(engine, access, metrics.create_metric, body.model_dump(), engine.now())


@endpoints.get("/groups_types/{group_type_index}/metrics/{metric_id}", scope=READ_METRICS, response=MetricAnswer)
async def get_metric(access: ProjectAccess, engine: Engine, group_type_index: str, metric_id: str) -> Any:
    """A usage metric."""
    _index(group_type_index)
    return await engine.database.read(metrics.get_metric, access.project.id, _uuid(metric_id))


@endpoints.put("/groups_types/{group_type_index}/metrics/{metric_id}", scope=WRITE_METRICS, response=MetricAnswer)
async def replace_metric(
    access: ProjectAccess,
    engine: Engine,
    group_type_index: str,
    metric_id: str,
    body: Annotated[MetricBody, Depends(BodyOf(MetricBody))],
) -> Any:
    """The usage metric with every value given."""
    _index(group_type_index)
    return await _saved(engine, access, metrics.update_metric, _uuid(metric_id), body.model_dump())


@endpoints.patch("/groups_types/{group_type_index}/metrics/{metric_id}", scope=WRITE_METRICS, response=MetricAnswer)
async def change_metric(
    access: ProjectAccess,
    engine: Engine,
    group_type_index: str,
    metric_id: str,
    body: Annotated[MetricChanges, Depends(BodyOf(MetricChanges))],
) -> Any:
    """The usage metric with the values sent; the others stay."""
    _index(group_type_index)
    return await _saved(engine, access, metrics.update_metric, _uuid(metric_id), body.model_dump(exclude_unset=True))


@endpoints.delete("/groups_types/{group_type_index}/metrics/{metric_id}", scope=WRITE_METRICS)
async def delete_metric(access: ProjectAccess, engine: Engine, group_type_index: str, metric_id: str) -> None:
    """Delete a usage metric."""
    _index(group_type_index)
    await _saved(engine, access, metrics.delete_metric, _uuid(metric_id))


async def _saved(
    engine: People,
    access: Access,
    function: Callable[Concatenate[Connection, int, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    saved = await engine.database.write(function, access.project.id, *args, **kwargs)
    engine.forget_facts(access.project.id)
    return saved


def _by(access: Access, engine: People) -> changes.Change:
    return changes.Change(access.project.id, access.user.id, engine.now())


def _key(index: str, key: str) -> tuple[int, str]:
    for name, value in (("group_type_index", index), ("group_key", key)):
        if not value:
            raise InvalidInput("This query parameter is required.", attr=name)
    return _index(index), key


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise InvalidInput("A valid integer is required.", attr="group_type_index")
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
