"""insights: saved queries; list, create, retrieve with their answer, change, delete softly."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Response
from sqlalchemy import Connection

from furze.database import Database
from furze.kit import json
from furze.kit.clock import Clock
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, MethodNotAllowed, NotFound
from furze.platform.fields import Body, Text
from furze.platform.pagination import AskedPage
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import get_user, record_activity
from furze.platform.types import Actor, Item, User, UserBasic
from furze.query import dashboard_store, store
from furze.query.run import QueryRunner, with_overrides
from furze.query.store import Insight, Wanted
from furze.query.types import Answer

endpoints = Endpoints("insights")

READ, WRITE = "insight:read", "insight:write"

Stored = Annotated[Database, provided(Database)]
Now = Annotated[Clock, provided(Clock)]
Runner = Annotated[QueryRunner, provided(QueryRunner)]

NO_ANSWER: Final = {"result": None, "hasMore": None, "columns": None, "last_refresh": None, "is_cached": False}
_TAKEN_OVER: Final = ("hasMore", "columns", "types", "last_refresh", "is_cached", "hogql", "resolved_date_range")
_NOT_COMPUTED: Final = frozenset({"", "false", "0", "force_cache"})


class InsightBody(Body):
    """What POST takes."""

    name: Text | None = None
    description: Text | None = None
    query: dict[str, Any]
    tags: list[Text] = []
    favorited: bool = False
    saved: bool = True
    dashboards: list[int] = []


class InsightChanges(Body):
    """What PATCH takes: only the keys sent are touched."""

    name: Text | None = None
    description: Text | None = None
    query: dict[str, Any] = {}
    tags: list[Text] = []
    favorited: bool = False
    saved: bool = True
    dashboards: list[int] = []
    deleted: bool = False


@endpoints.get("/insights", scope=READ)
async def list_insights(
    access: ProjectAccess,
    database: Stored,
    page: AskedPage,
    *,
    search: str | None = None,
    short_id: str | None = None,
    saved: bool | None = None,
    favorited: bool | None = None,
    created_by: int | None = None,
) -> Response:
    """The project's insights without their answers, the latest changed first."""
    wanted = Wanted(search, short_id, saved, favorited, created_by)
    rows, count = await database.read(found_page, access.project.id, wanted, page.limit, page.offset)
    return as_json(page.page(rows, count))


@endpoints.post("/insights", scope=WRITE)
async def create_insight(
    access: ProjectAccess, database: Stored, clock: Now, body: Annotated[InsightBody, Depends(BodyOf(InsightBody))]
) -> Response:
    """A new insight."""
    return as_json(await database.write(create, access, body, clock), 201)


@endpoints.get("/insights/{insight_id}", scope=READ)
async def get_insight(
    access: ProjectAccess, database: Stored, runner: Runner, insight_id: str, refresh: str = ""
) -> Response:
    """An insight; with `refresh=blocking` its answer as well, else only one that is already known."""
    insight, wire = await database.read(read, access.project.id, _identity(insight_id))
    return as_json({**wire, **await answer(runner, insight, refresh)})


@endpoints.post("/insights/{insight_id}/run", scope=READ, status=200)
async def run_insight(access: ProjectAccess, database: Stored, runner: Runner, insight_id: str) -> Response:
    """An insight with its answer, computed now."""
    insight, wire = await database.read(read, access.project.id, _identity(insight_id))
    return as_json({**wire, **await answer(runner, insight, "force_blocking")})


@endpoints.patch("/insights/{insight_id}", scope=WRITE)
async def change_insight(
    access: ProjectAccess,
    database: Stored,
    clock: Now,
    insight_id: str,
    body: Annotated[InsightChanges, Depends(BodyOf(InsightChanges))],
) -> Response:
    """The insight with the values sent; `deleted: true` takes it off the lists."""
    values = body.model_dump(exclude_unset=True)
    return as_json(await database.write(change, access, _identity(insight_id), values, clock))


@endpoints.delete("/insights/{insight_id}", scope=WRITE)
async def delete_insight(access: ProjectAccess, insight_id: str) -> None:  # noqa: ARG001 - always refused
    """Insights are deleted softly: PATCH `deleted`."""
    raise MethodNotAllowed('Hard delete of this model is not allowed. Use a patch API call to set "deleted" to true')


async def answer(
    runner: QueryRunner, insight: Insight, refresh: str, overrides: tuple[Any, Any] = (None, None)
) -> Answer:
    """What the insight's query answers, as its fields; `overrides` are filters and variables laid over it."""
    query = with_overrides(insight.query, *overrides)
    key = await runner.key(insight.project_id, query)
    kept = runner.cache.get(key)
    if refresh in _NOT_COMPUTED and kept is None:
        return dict(NO_ANSWER)
    if kept is not None and (refresh in _NOT_COMPUTED or (refresh == "blocking" and await runner.is_fresh(kept))):
        found = {**kept.answer, "is_cached": True}
    else:
        begun = runner.clock.now()
        found = await runner.run(insight.project_id, query)
        runner.cache.put(key, found, begun)
    return {"result": found.get("results"), **{name: found.get(name) for name in _TAKEN_OVER}}


def found_page(
    connection: Connection, project_id: int, wanted: Wanted, limit: int, offset: int
) -> tuple[list[Answer], int]:
    """A page of a project's insights on the wire, and how many there are in all."""
    found, count = store.list_insights(connection, project_id, wanted, limit=limit, offset=offset)
    users: dict[int, User | None] = {}
    return [{**wire(connection, each, users), **NO_ANSWER} for each in found], count


def read(connection: Connection, project_id: int, identity: int | str) -> tuple[Insight, Answer]:
    """An insight, and what the wire shows of it; raises `NotFound`."""
    insight = _found(store.get_insight(connection, project_id, identity))
    return insight, wire(connection, insight, {})


def create(connection: Connection, access: Access, body: InsightBody, clock: Clock) -> Answer:
    """A new insight; raises `InvalidInput`."""
    _check(body.query)
    now = clock.now()
    insight = store.create_insight(
        connection, access.project.id, values=body.model_dump(exclude={"dashboards"}), user_id=access.user.id, now=now
    )
    _place(connection, insight, body.dashboards)
    _record(connection, access, insight, "created", clock)
    return {**wire(connection, insight, {}), **NO_ANSWER}


def change(connection: Connection, access: Access, identity: int | str, values: dict[str, Any], clock: Clock) -> Answer:
    """The insight with some values; raises `NotFound` and `InvalidInput`."""
    if "query" in values:
        _check(values["query"])
    insight = _found(store.get_insight(connection, access.project.id, identity))
    if "dashboards" in values:
        _place(connection, insight, values.pop("dashboards"))
    changed = store.update_insight(
        connection, access.project.id, insight.id, values=values, user_id=access.user.id, now=clock.now()
    )
    _record(connection, access, _found(changed), "deleted" if values.get("deleted") else "updated", clock)
    return {**wire(connection, _found(changed), {}), **NO_ANSWER}


def _place(connection: Connection, insight: Insight, wanted: list[int]) -> None:
    """Show the insight on the dashboards that are wanted, and on no other."""
    places = dashboard_store.places_of(connection, [insight.id])[insight.id]
    for tile_id, dashboard_id in places:
        if dashboard_id not in wanted:
            dashboard_store.remove_tiles(connection, dashboard_id, [tile_id])
    for dashboard_id in set(wanted) - {dashboard_id for _, dashboard_id in places}:
        if dashboard_store.get_dashboard(connection, insight.project_id, dashboard_id) is None:
            raise InvalidInput(f"There is no dashboard {dashboard_id} in this project.", attr="dashboards")
        dashboard_store.add_tile(connection, dashboard_id, insight_id=insight.id)


def _check(query: Mapping[str, Any]) -> None:
    if not isinstance(query.get("kind"), str):
        raise InvalidInput("An insight's query needs a 'kind'.", code="required", attr="query")


def _record(connection: Connection, access: Access, insight: Insight, activity: str, clock: Clock) -> None:
    item = Item("Insight", str(insight.id), insight.name or insight.short_id)
    actor = Actor(access.project.id, access.user.id)
    record_activity(connection, by=actor, item=item, activity=activity, now=clock.now())


def wire(connection: Connection, insight: Insight, users: dict[int, User | None]) -> Answer:
    """The insight's own fields. Those of products that do not exist here are empty."""
    places = dashboard_store.places_of(connection, [insight.id])[insight.id]
    return {
        "id": insight.id,
        "short_id": insight.short_id,
        "name": insight.name,
        "derived_name": None,
        "description": insight.description,
        "query": insight.query,
        "filters": {},
        "tags": insight.tags,
        "favorited": insight.favorited,
        "saved": insight.saved,
        "deleted": insight.deleted,
        "order": None,
        "dashboards": [dashboard_id for _, dashboard_id in places],
        "dashboard_tiles": [{"id": tile_id, "dashboard_id": dashboard_id} for tile_id, dashboard_id in places],
        "created_at": insight.created_at,
        "created_by": basic(connection, insight.created_by_id, users),
        "updated_at": insight.updated_at,
        "last_modified_at": insight.last_modified_at,
        "last_modified_by": basic(connection, insight.last_modified_by_id, users),
        "is_sample": False,
        "user_access_level": "editor",
    }


def basic(connection: Connection, user_id: int | None, users: dict[int, User | None]) -> Answer | None:
    """The user as others see them; `users` remembers who has been looked up."""
    if user_id is None:
        return None
    if user_id not in users:
        users[user_id] = get_user(connection, user_id)
    user = users[user_id]
    return UserBasic.model_validate(user).model_dump() if user else None


def _found(insight: Insight | None) -> Insight:
    if insight is None:
        raise NotFound
    return insight


def _identity(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def as_json(content: Any, status_code: int = 200) -> Response:
    """An answer with a body."""
    return Response(json.dumps(content), status_code=status_code, media_type="application/json")
