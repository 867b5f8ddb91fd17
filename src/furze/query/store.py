"""All SQL about saved insights."""

import secrets
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
    UniqueConstraint,
    func,
    insert,
    or_,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata

insights = Table(
    "insight",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("short_id", String(12), nullable=False),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(400)),
    Column("description", String(400)),
    Column("query", json_type(), nullable=False),
    Column("tags", json_type(), nullable=False),
    Column("favorited", Boolean, nullable=False),
    Column("saved", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("last_modified_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("last_modified_at", UTCDateTime, nullable=False),
    UniqueConstraint("project_id", "short_id"),
)

_SHORT_ID = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class Insight:
    """A saved query."""

    id: int
    short_id: str
    project_id: int
    name: str | None
    description: str | None
    query: dict[str, Any]
    tags: list[str]
    favorited: bool
    saved: bool
    deleted: bool
    created_by_id: int | None
    last_modified_by_id: int | None
    created_at: datetime
    updated_at: datetime
    last_modified_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which insights a list holds; None narrows nothing."""

    search: str | None = None
    short_id: str | None = None
    saved: bool | None = None
    favorited: bool | None = None
    created_by_id: int | None = None


def list_insights(
    connection: Connection, project_id: int, wanted: Wanted, *, limit: int, offset: int
) -> tuple[list[Insight], int]:
    """A page of a project's insights, the latest changed first, and how many there are in all."""
    kept = (insights.c.project_id == project_id) & insights.c.deleted.is_(False)
    for name in ("short_id", "saved", "favorited", "created_by_id"):
        if (value := getattr(wanted, name)) is not None:
            kept &= insights.c[name] == value
    if wanted.search:
        text = wanted.search
        kept &= or_(
            insights.c.name.icontains(text, autoescape=True), insights.c.description.icontains(text, autoescape=True)
        )
    rows = connection.execute(
        select(insights)
        .where(kept)
        .order_by(insights.c.last_modified_at.desc(), insights.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    count = connection.execute(select(func.count()).select_from(insights).where(kept)).scalar_one()
    return [_insight(row) for row in rows], count


def get_insight(connection: Connection, project_id: int, identity: int | str) -> Insight | None:
    """An insight by its id or its short id; one that was deleted too, so that it can come back."""
    column = insights.c.id if isinstance(identity, int) else insights.c.short_id
    row = connection.execute(select(insights).where(insights.c.project_id == project_id, column == identity)).first()
    return _insight(row) if row else None


def create_insight(
    connection: Connection, project_id: int, *, values: dict[str, Any], user_id: int, now: datetime
) -> Insight:
    """A new insight."""
    short_id = "".join(secrets.choice(_SHORT_ID) for _ in range(8))
    owner = {"project_id": project_id, "created_by_id": user_id, "last_modified_by_id": user_id}
    times = {"created_at": now, "updated_at": now, "last_modified_at": now}
    statement = insert(insights).values(short_id=short_id, deleted=False, **owner, **times, **values)
    return _insight(connection.execute(statement.returning(*insights.c)).one())


def update_insight(
    connection: Connection, project_id: int, insight_id: int, *, values: dict[str, Any], user_id: int, now: datetime
) -> Insight | None:
    """The insight with new values, or None when there is none."""
    statement = (
        update(insights)
        .where(insights.c.project_id == project_id, insights.c.id == insight_id)
        .values(**values, updated_at=now, last_modified_at=now, last_modified_by_id=user_id)
    )
    row = connection.execute(statement.returning(*insights.c)).first()
    return _insight(row) if row else None


def _insight(row: Row[Any]) -> Insight:
    return Insight(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
