"""dashboards: insights and texts on a page; list, create, retrieve with their answers, change, delete softly."""

from typing import Annotated, Any

from fastapi import Depends, Response
from sqlalchemy import Connection

from furze.kit.clock import Clock
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, MethodNotAllowed, NotFound
from furze.platform.fields import Body, Text
from furze.platform.pagination import AskedPage
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item, User
from furze.query import dashboard_store, insights, store
from furze.query.dashboard_store import Dashboard, Tile
from furze.query.insights import Now, Runner, Stored
from furze.query.store import Insight
from furze.query.types import Answer

endpoints = Endpoints("dashboards")

READ, WRITE = "dashboard:read", "dashboard:write"


class TileText(Body):
    """The text of a tile, in Markdown."""

    body: Text


class TileBody(Body):
    """A tile: an insight or a text. With an `id` it is one that is there already; `deleted` takes it off."""

    id: int | None = None
    insight: int | dict[str, Any] | None = None
    text: TileText | None = None
    layouts: dict[str, Any] = {}
    color: Text | None = None
    deleted: bool = False


class DashboardBody(Body):
    """What POST takes."""

    name: Text | None = None
    description: Text = ""
    pinned: bool = False
    tags: list[Text] = []
    filters: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    tiles: list[TileBody] = []


class DashboardChanges(DashboardBody):
    """What PATCH takes: only the keys sent are touched, and of the tiles only those that are named."""

    deleted: bool = False


@endpoints.get("/dashboards", scope=READ)
async def list_dashboards(
    access: ProjectAccess, database: Stored, page: AskedPage, *, search: str | None = None, pinned: bool | None = None
) -> Response:
    """The project's dashboards without their tiles, pinned ones first."""
    rows, count = await database.read(
        found_page, access.project.id, search=search, pinned=pinned, limit=page.limit, offset=page.offset
    )
    return insights.as_json(page.page(rows, count))


@endpoints.post("/dashboards", scope=WRITE)
async def create_dashboard(
    access: ProjectAccess, database: Stored, clock: Now, body: Annotated[DashboardBody, Depends(BodyOf(DashboardBody))]
) -> Response:
    """A new dashboard."""
    return insights.as_json(await database.write(create, access, body, clock), 201)


@endpoints.get("/dashboards/{dashboard_id}", scope=READ)
async def get_dashboard(
    access: ProjectAccess, database: Stored, runner: Runner, dashboard_id: int, refresh: str = ""
) -> Response:
    """A dashboard; with `refresh=blocking` each tile with its answer, else those with one that is known."""
    return insights.as_json(await answered(access, database, runner, dashboard_id, refresh))


@endpoints.post("/dashboards/{dashboard_id}/run", scope=READ, status=200)
async def run_dashboard(access: ProjectAccess, database: Stored, runner: Runner, dashboard_id: int) -> Response:
    """A dashboard with every answer computed now."""
    return insights.as_json(await answered(access, database, runner, dashboard_id, "force_blocking"))


@endpoints.patch("/dashboards/{dashboard_id}", scope=WRITE)
async def change_dashboard(
    access: ProjectAccess,
    database: Stored,
    clock: Now,
    dashboard_id: int,
    body: Annotated[DashboardChanges, Depends(BodyOf(DashboardChanges))],
) -> Response:
    """The dashboard with the values sent; `deleted: true` takes it off the lists."""
    return insights.as_json(await database.write(change, access, dashboard_id, body, clock))


@endpoints.delete("/dashboards/{dashboard_id}", scope=WRITE)
async def delete_dashboard(access: ProjectAccess, dashboard_id: int) -> None:  # noqa: ARG001 - always refused
    """Dashboards are deleted softly: PATCH `deleted`."""
    raise MethodNotAllowed('Hard delete of this model is not allowed. Use a patch API call to set "deleted" to true')


async def answered(access: Access, database: Any, runner: Any, dashboard_id: int, refresh: str) -> Answer:
    """A dashboard, its tiles with their answers as far as `refresh` asks for them; raises `NotFound`."""
    dashboard, wire, shown = await database.read(read, access.project.id, dashboard_id)
    for tile in wire["tiles"]:
        insight: Insight | None = shown.get(tile["id"])
        if insight is not None:
            overrides = (dashboard.filters or None, dashboard.variables or None)
            tile["insight"] |= await insights.answer(runner, insight, refresh, overrides)
    return dict(wire)


def found_page(
    connection: Connection, project_id: int, *, search: str | None, pinned: bool | None, limit: int, offset: int
) -> tuple[list[Answer], int]:
    """A page of a project's dashboards on the wire, and how many there are in all."""
    found, count = dashboard_store.list_dashboards(
        connection, project_id, search=search, pinned=pinned, limit=limit, offset=offset
    )
    users: dict[int, User | None] = {}
    return [_wire(connection, each, users) for each in found], count


def read(connection: Connection, project_id: int, dashboard_id: int) -> tuple[Dashboard, Answer, dict[int, Insight]]:
    """A dashboard, what the wire shows of it, and the insights of its tiles by tile; raises `NotFound`."""
    dashboard = _found(connection, project_id, dashboard_id)
    users: dict[int, User | None] = {}
    wire, shown, listed = _wire(connection, dashboard, users), {}, []
    for tile in dashboard_store.tiles_of(connection, dashboard.id):
        insight = store.get_insight(connection, project_id, tile.insight_id) if tile.insight_id else None
        if tile.insight_id and (insight is None or insight.deleted):
            continue
        if insight is not None:
            shown[tile.id] = insight
        listed.append(_tile(connection, tile, insight, users))
    return dashboard, {**wire, "tiles": listed}, shown


def create(connection: Connection, access: Access, body: DashboardBody, clock: Clock) -> Answer:
    """A new dashboard with its tiles; raises `InvalidInput`."""
    values = body.model_dump(exclude={"tiles"})
    values |= {"project_id": access.project.id, "created_by_id": access.user.id}
    dashboard = dashboard_store.create_dashboard(connection, values=values, now=clock.now())
    _place(connection, dashboard, body.tiles)
    _record(connection, access, dashboard, "created", clock)
    return read(connection, access.project.id, dashboard.id)[1]


def change(connection: Connection, access: Access, dashboard_id: int, body: DashboardChanges, clock: Clock) -> Answer:
    """The dashboard with the values and tiles sent; raises `NotFound` and `InvalidInput`."""
    dashboard = _found(connection, access.project.id, dashboard_id)
    values = body.model_dump(exclude_unset=True, exclude={"tiles"})
    dashboard = dashboard_store.update_dashboard(connection, dashboard.id, values=values, now=clock.now())
    _place(connection, dashboard, body.tiles)
    _record(connection, access, dashboard, "deleted" if values.get("deleted") else "updated", clock)
    return read(connection, access.project.id, dashboard.id)[1]


def _place(connection: Connection, dashboard: Dashboard, tiles: list[TileBody]) -> None:
    for number, tile in enumerate(tiles):
        values = _tile_values(connection, dashboard, tile, attr=f"tiles__{number}")
        if tile.id is None:
            if (values.get("insight_id") is None) == (values.get("text") is None):
                raise InvalidInput("A tile shows either an insight or a text.", attr=f"tiles__{number}")
            dashboard_store.add_tile(connection, dashboard.id, **values)
        elif tile.deleted:
            dashboard_store.remove_tiles(connection, dashboard.id, [tile.id])
        elif values and not dashboard_store.update_tile(connection, dashboard.id, tile.id, **values):
            raise InvalidInput(f"This dashboard has no tile {tile.id}.", attr=f"tiles__{number}__id")


def _tile_values(connection: Connection, dashboard: Dashboard, tile: TileBody, *, attr: str) -> dict[str, Any]:
    values = tile.model_dump(exclude_unset=True, include={"layouts", "color"})
    if tile.text is not None:
        values["text"] = tile.text.body
    if tile.insight is not None:
        named = tile.insight.get("id") if isinstance(tile.insight, dict) else tile.insight
        found = store.get_insight(connection, dashboard.project_id, named) if isinstance(named, int) else None
        if found is None:
            raise InvalidInput(f"There is no insight {named!r} in this project.", attr=f"{attr}__insight")
        values["insight_id"] = found.id
    return values


def _record(connection: Connection, access: Access, dashboard: Dashboard, activity: str, clock: Clock) -> None:
    item = Item("Dashboard", str(dashboard.id), dashboard.name or str(dashboard.id))
    actor = Actor(access.project.id, access.user.id)
    record_activity(connection, by=actor, item=item, activity=activity, now=clock.now())


def _found(connection: Connection, project_id: int, dashboard_id: int) -> Dashboard:
    dashboard = dashboard_store.get_dashboard(connection, project_id, dashboard_id)
    if dashboard is None:
        raise NotFound
    return dashboard


def _wire(connection: Connection, dashboard: Dashboard, users: dict[int, User | None]) -> Answer:
    return {
        "id": dashboard.id,
        "name": dashboard.name,
        "description": dashboard.description,
        "pinned": dashboard.pinned,
        "tags": dashboard.tags,
        "filters": dashboard.filters,
        "variables": dashboard.variables,
        "deleted": dashboard.deleted,
        "created_at": dashboard.created_at,
        "created_by": insights.basic(connection, dashboard.created_by_id, users),
        "last_modified_at": dashboard.last_modified_at,
        "creation_mode": "default",
        "is_shared": False,
        "user_access_level": "editor",
    }


def _tile(connection: Connection, tile: Tile, insight: Insight | None, users: dict[int, User | None]) -> Answer:
    shown = None if insight is None else {**insights.wire(connection, insight, users), **insights.NO_ANSWER}
    text = None if tile.text is None else {"body": tile.text}
    return {"id": tile.id, "insight": shown, "text": text, "layouts": tile.layouts, "color": tile.color}
