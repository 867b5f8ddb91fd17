"""All SQL about customer profile configs."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.profiles.types import ProfileConfig

configs = Table(
    "customer_profile_config",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("scope", String(255), nullable=False),
    Column("content", json_type(), nullable=False),
    Column("sidebar", json_type(), nullable=False),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)


def list_configs(
    connection: Connection, project_id: int, *, scope: str | None, limit: int, offset: int
) -> tuple[list[ProfileConfig], int]:
    """A page of a project's configs, oldest first, and how many there are in all."""
    kept = configs.c.project_id == project_id
    if scope is not None:
        kept &= configs.c.scope == scope
    rows = connection.execute(
        select(configs).where(kept).order_by(configs.c.created_at, configs.c.id).limit(limit).offset(offset)
    )
    count = connection.execute(select(func.count()).select_from(configs).where(kept)).scalar_one()
    return [_config(row) for row in rows], count


def get_config(connection: Connection, project_id: int, config_id: UUID) -> ProfileConfig | None:
    """A config of a project."""
    row = connection.execute(_one(select(configs), project_id, config_id)).first()
    return _config(row) if row else None


def create_config(
    connection: Connection, project_id: int, *, values: dict[str, Any], user_id: int, now: datetime
) -> ProfileConfig:
    """A new config from `scope`, `content` and `sidebar`."""
    owner = {"id": uuid4(), "project_id": project_id, "created_by_id": user_id}
    statement = insert(configs).values(**owner, **values, created_at=now, updated_at=now)
    return _config(connection.execute(statement.returning(*configs.c)).one())


def update_config(
    connection: Connection, project_id: int, config_id: UUID, *, values: dict[str, Any], now: datetime
) -> ProfileConfig | None:
    """The config with new values, or None when there is none; `updated_at` moves even when nothing else does."""
    statement = _one(update(configs), project_id, config_id).values(**values, updated_at=now)
    row = connection.execute(statement.returning(*configs.c)).first()
    return _config(row) if row else None


def delete_config(connection: Connection, project_id: int, config_id: UUID) -> ProfileConfig | None:
    """Delete a config; what it was, or None when there was none."""
    row = connection.execute(_one(delete(configs), project_id, config_id).returning(*configs.c)).first()
    return _config(row) if row else None


def _one(statement: Any, project_id: int, config_id: UUID) -> Any:
    return statement.where(configs.c.project_id == project_id, configs.c.id == config_id)


def _config(row: Row[Any]) -> ProfileConfig:
    return ProfileConfig(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
