"""All SQL about integrations."""

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
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
from furze.exports.store import exports
from furze.exports.types import Integration

integrations = Table(
    "integration",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String, nullable=False),
    Column("display_name", String, nullable=False),
    Column("config", json_type(), nullable=False),
    Column("secrets", String),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Index("ix_integration_project", "project_id"),
)


def page(
    connection: Connection, project_id: int, *, kind: str | None, limit: int, offset: int
) -> tuple[list[Integration], int]:
    """A page of a project's integrations, newest first, and how many there are in all."""
    kept = [integrations.c.project_id == project_id]
    if kind is not None:
        kept.append(integrations.c.kind == kind)
    query = select(integrations).where(*kept).order_by(integrations.c.id.desc()).limit(limit).offset(offset)
    count = connection.execute(select(func.count()).select_from(integrations).where(*kept)).scalar_one()
    return [_integration(row) for row in connection.execute(query)], count


def get(connection: Connection, project_id: int, integration_id: int) -> Integration | None:
    """An integration of a project."""
    kept = (integrations.c.id == integration_id) & (integrations.c.project_id == project_id)
    row = connection.execute(select(integrations).where(kept)).first()
    return _integration(row) if row else None


def create(connection: Connection, **values: Any) -> Integration:
    """A new integration."""
    row = connection.execute(insert(integrations).values(**values).returning(*integrations.c)).one()
    return _integration(row)


def change(connection: Connection, integration_id: int, **values: Any) -> Integration:
    """The integration with new values."""
    chosen = update(integrations).where(integrations.c.id == integration_id)
    row = connection.execute(chosen.values(**values).returning(*integrations.c)).one()
    return _integration(row)


def remove(connection: Connection, integration_id: int) -> None:
    """Forget an integration."""
    connection.execute(delete(integrations).where(integrations.c.id == integration_id))


def used_by(connection: Connection, integration_id: int) -> list[str]:
    """The names of the exports that go by an integration."""
    kept = (exports.c.integration_id == integration_id) & exports.c.deleted.is_(False)
    return list(connection.execute(select(exports.c.name).where(kept).order_by(exports.c.name)).scalars())


def _integration(row: Row[Any]) -> Integration:
    return Integration(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
