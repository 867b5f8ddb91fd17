"""All SQL about exports, their schedule and their configuration."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.exports.types import Export

#: The destination of an export that somebody fetches as files: one run, and no schedule.
DOWNLOAD = "FileDownload"

exports = Table(
    "batch_export",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("model", String, nullable=False),
    Column("destination_type", String, nullable=False),
    Column("config", json_type(), nullable=False),
    Column("secrets", String),
    Column("integration_id", Integer, ForeignKey("integration.id")),
    Column("interval", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("interval_offset", Integer),
    Column("paused", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("last_paused_at", UTCDateTime),
    Column("start_at", UTCDateTime),
    Column("end_at", UTCDateTime),
    Column("hogql_query", String),
    Column("query_schema", json_type()),
    Column("filters", json_type()),
    Column("hogql_modifiers", json_type()),
    Column("primary_key", json_type()),
    Column("version_key", String),
    Column("incremental_mode", String),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_updated_at", UTCDateTime, nullable=False),
    Column("next_start", UTCDateTime, nullable=False),
    Column("due_at", UTCDateTime),
    Column("position", BigInteger),
    Index("ix_batch_export_project", "project_id", "created_at"),
    Index("ix_batch_export_due", "due_at"),
)


def list_exports(
    connection: Connection, *project_ids: int, limit: int, offset: int, downloads: bool = False
) -> tuple[list[Export], int]:
    """A page of some projects' exports, or of their file downloads, newest first, and how many there are in all."""
    kept = _kept(*project_ids, downloads=downloads)
    order = (exports.c.created_at.desc(), exports.c.id)
    rows = connection.execute(select(exports).where(*kept).order_by(*order).limit(limit).offset(offset))
    count = connection.execute(select(func.count()).select_from(exports).where(*kept)).scalar_one()
    return [_export(row) for row in rows], count


def get_export(connection: Connection, project_id: int, export_id: UUID, *, downloads: bool = False) -> Export | None:
    """An export of a project, or a file download, unless it is deleted."""
    kept = (exports.c.id == export_id, *_kept(project_id, downloads=downloads))
    row = connection.execute(select(exports).where(*kept)).first()
    return _export(row) if row else None


def old_downloads(connection: Connection, *, before: datetime) -> list[Export]:
    """The file downloads that were asked for before an instant and are still there."""
    kept = (exports.c.destination_type == DOWNLOAD, exports.c.deleted.is_(False), exports.c.created_at < before)
    return [_export(row) for row in connection.execute(select(exports).where(*kept))]


def download_ids(connection: Connection) -> list[UUID]:
    """The file downloads there are, deleted ones too."""
    return list(connection.execute(select(exports.c.id).where(exports.c.destination_type == DOWNLOAD)).scalars())


def lock_export(connection: Connection, export_id: UUID) -> Export | None:
    """An export, deleted or not, that nobody else changes until this transaction ends."""
    row = connection.execute(select(exports).where(exports.c.id == export_id).with_for_update()).first()
    return _export(row) if row else None


def create_export(connection: Connection, *, values: dict[str, Any]) -> Export:
    """A new export."""
    return _export(connection.execute(insert(exports).values(**values).returning(*exports.c)).one())


def update_export(connection: Connection, export_id: UUID, **values: Any) -> Export:
    """The export with new values."""
    statement = update(exports).where(exports.c.id == export_id).values(**values).returning(*exports.c)
    return _export(connection.execute(statement).one())


def due_exports(connection: Connection, *, now: datetime, limit: int) -> list[Export]:
    """The exports whose next window has ended, the longest waiting first."""
    query = select(exports).where(exports.c.due_at <= now).order_by(exports.c.due_at, exports.c.id).limit(limit)
    return [_export(row) for row in connection.execute(query)]


def _kept(*project_ids: int, downloads: bool) -> tuple[ColumnElement[bool], ...]:
    is_download = exports.c.destination_type == DOWNLOAD
    is_wanted = is_download if downloads else ~is_download
    return exports.c.project_id.in_(project_ids), exports.c.deleted.is_(False), is_wanted


def _export(row: Row[Any]) -> Export:
    return Export(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
