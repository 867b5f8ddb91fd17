"""All SQL about dashboards and annotations."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata

dashboards = Table(
    "dashboard",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(400)),
    Column("description", String, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("tags", json_type(), nullable=False),
    Column("filters", json_type(), nullable=False),
    Column("variables", json_type(), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_modified_at", UTCDateTime, nullable=False),
)

tiles = Table(
    "dashboard_tile",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dashboard_id", Integer, ForeignKey("dashboard.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("insight_id", Integer, ForeignKey("insight.id", ondelete="CASCADE"), index=True),
    Column("text", String),
    Column("layouts", json_type(), nullable=False),
    Column("color", String),
)

annotations = Table(
    "annotation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("content", String),
    Column("date_marker", UTCDateTime),
    Column("scope", String, nullable=False),
    Column("creation_type", String, nullable=False),
    Column("dashboard_item", Integer, ForeignKey("insight.id", ondelete="SET NULL")),
    Column("dashboard_id", Integer, ForeignKey("dashboard.id", ondelete="SET NULL")),
    Column("deleted", Boolean, nullable=False),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of tiles. `filters` and `variables` are laid over the query of each tile."""

    id: int
    project_id: int
    name: str | None
    description: str
    pinned: bool
    tags: list[str]
    filters: dict[str, Any]
    variables: dict[str, Any]
    deleted: bool
    created_by_id: int | None
    created_at: datetime
    last_modified_at: datetime


@dataclass(frozen=True, slots=True)
class Tile:
    """An insight or a text on a dashboard; `layouts` is where it lies, by the width of the page."""

    id: int
    dashboard_id: int
    insight_id: int | None
    text: str | None
    layouts: dict[str, Any]
    color: str | None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note at a moment in time, shown on charts."""

    id: int
    project_id: int
    content: str | None
    date_marker: datetime | None
    scope: str
    creation_type: str
    dashboard_item: int | None
    dashboard_id: int | None
    deleted: bool
    created_by_id: int | None
    created_at: datetime
    updated_at: datetime


def list_dashboards(
    connection: Connection, project_id: int, *, search: str | None, pinned: bool | None, limit: int, offset: int
) -> tuple[list[Dashboard], int]:
    """A page of a project's dashboards, pinned ones first, then by name; and how many there are in all."""
    kept = (dashboards.c.project_id == project_id) & dashboards.c.deleted.is_(False)
    if pinned is not None:
        kept &= dashboards.c.pinned == pinned
    if search:
        kept &= dashboards.c.name.icontains(search, autoescape=True)
    order = (dashboards.c.pinned.desc(), dashboards.c.name, dashboards.c.id)
    rows = connection.execute(select(dashboards).where(kept).order_by(*order).limit(limit).offset(offset))
    count = connection.execute(select(func.count()).select_from(dashboards).where(kept)).scalar_one()
    return [_dashboard(row) for row in rows], count


def get_dashboard(connection: Connection, project_id: int, dashboard_id: int) -> Dashboard | None:
    """A dashboard; one that was deleted too, so that it can come back."""
    own = (dashboards.c.project_id == project_id, dashboards.c.id == dashboard_id)
    row = connection.execute(select(dashboards).where(*own)).first()
    return _dashboard(row) if row else None


def create_dashboard(connection: Connection, *, values: dict[str, Any], now: datetime) -> Dashboard:
    """A new dashboard without tiles."""
    times = {"created_at": now, "last_modified_at": now, "deleted": False}
    return _dashboard(connection.execute(insert(dashboards).values(**values, **times).returning(*dashboards.c)).one())


def update_dashboard(connection: Connection, dashboard_id: int, *, values: dict[str, Any], now: datetime) -> Dashboard:
    """The dashboard with new values."""
    statement = update(dashboards).where(dashboards.c.id == dashboard_id).values(**values, last_modified_at=now)
    return _dashboard(connection.execute(statement.returning(*dashboards.c)).one())


def tiles_of(connection: Connection, dashboard_id: int) -> list[Tile]:
    """The tiles of a dashboard, oldest first."""
    rows = connection.execute(select(tiles).where(tiles.c.dashboard_id == dashboard_id).order_by(tiles.c.id))
    return [Tile(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented mapping view


def places_of(connection: Connection, insight_ids: Collection[int]) -> dict[int, list[tuple[int, int]]]:
    """By insight, the tiles that show it on dashboards which are not deleted: (tile, dashboard)."""
    query = (
        select(tiles.c.insight_id, tiles.c.id, tiles.c.dashboard_id)
        .join(dashboards, dashboards.c.id == tiles.c.dashboard_id)
        .where(tiles.c.insight_id.in_(insight_ids), dashboards.c.deleted.is_(False))
        .order_by(tiles.c.id)
    )
    found: dict[int, list[tuple[int, int]]] = {insight_id: [] for insight_id in insight_ids}
    for insight_id, tile_id, dashboard_id in connection.execute(query):
        found[insight_id].append((tile_id, dashboard_id))
    return found


def add_tile(connection: Connection, dashboard_id: int, **values: Any) -> int:
    """A new tile; its id."""
    filled = {"insight_id": None, "text": None, "layouts": {}, "color": None} | values
    statement = insert(tiles).values(dashboard_id=dashboard_id, **filled).returning(tiles.c.id)
    identity: int = connection.execute(statement).scalar_one()
    return identity


def update_tile(connection: Connection, dashboard_id: int, tile_id: int, **values: Any) -> bool:
    """Change a tile of a dashboard; whether it has such a tile."""
    own = (tiles.c.dashboard_id == dashboard_id, tiles.c.id == tile_id)
    return connection.execute(update(tiles).where(*own).values(**values)).rowcount == 1


def remove_tiles(connection: Connection, dashboard_id: int, tile_ids: Iterable[int]) -> None:
    """Take tiles off a dashboard."""
    connection.execute(delete(tiles).where(tiles.c.dashboard_id == dashboard_id, tiles.c.id.in_(list(tile_ids))))


def list_annotations(
    connection: Connection, project_id: int, *, search: str | None, limit: int, offset: int
) -> tuple[list[Annotation], int]:
    """A page of a project's annotations, the latest moment first, and how many there are in all."""
    kept = (annotations.c.project_id == project_id) & annotations.c.deleted.is_(False)
    if search:
        kept &= annotations.c.content.icontains(search, autoescape=True)
    order = (annotations.c.date_marker.desc(), annotations.c.id.desc())
    rows = connection.execute(select(annotations).where(kept).order_by(*order).limit(limit).offset(offset))
    count = connection.execute(select(func.count()).select_from(annotations).where(kept)).scalar_one()
    return [_annotation(row) for row in rows], count


def get_annotation(connection: Connection, project_id: int, annotation_id: int) -> Annotation | None:
    """An annotation; one that was deleted too, so that it can come back."""
    own = (annotations.c.project_id == project_id, annotations.c.id == annotation_id)
    row = connection.execute(select(annotations).where(*own)).first()
    return _annotation(row) if row else None


def create_annotation(connection: Connection, *, values: dict[str, Any], now: datetime) -> Annotation:
    """A new annotation."""
    times = {"created_at": now, "updated_at": now, "deleted": False, "creation_type": "USR"}
    statement = insert(annotations).values(**values, **times).returning(*annotations.c)
    return _annotation(connection.execute(statement).one())


def update_annotation(
    connection: Connection, annotation_id: int, *, values: dict[str, Any], now: datetime
) -> Annotation:
    """The annotation with new values."""
    statement = update(annotations).where(annotations.c.id == annotation_id).values(**values, updated_at=now)
    return _annotation(connection.execute(statement.returning(*annotations.c)).one())


def _dashboard(row: Row[Any]) -> Dashboard:
    return Dashboard(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view


def _annotation(row: Row[Any]) -> Annotation:
    return Annotation(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
