"""Usage metrics: numbers that a project watches on the profiles of its people and groups. Their wire form and SQL."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import Field
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer, Body, RequiredText

usage_metrics = Table(
    "usage_metric",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("format", String, nullable=False),
    Column("interval", Integer, nullable=False),
    Column("display", String, nullable=False),
    Column("filters", json_type(), nullable=False),
    Column("math", String, nullable=False),
    Column("math_property", String),
    Column("created_at", UTCDateTime, nullable=False),
    UniqueConstraint("project_id", "name"),
)


class MetricBody(Body):
    """A metric: how many events passed its filters in the last `interval` days, or the sum of a property of them."""

    name: RequiredText = Field(max_length=255)
    format: Literal["numeric", "currency"] = "numeric"
    interval: int = Field(default=7, ge=1, le=3650)
    display: Literal["number", "sparkline"] = "number"
    filters: dict[str, Any] = {}
    math: Literal["count", "sum"] = "count"
    math_property: str | None = Field(default=None, max_length=400)


class MetricChanges(MetricBody):
    """What PATCH takes: only the keys sent are touched."""

    name: RequiredText = Field(default="-", max_length=255)


class MetricAnswer(Answer):
    """A metric on the wire."""

    id: UUID
    name: str
    format: str
    interval: int
    display: str
    filters: dict[str, Any]
    math: str
    math_property: str | None


@dataclass(frozen=True, slots=True)
class UsageMetric:
    """A metric of a project."""

    id: UUID
    project_id: int
    name: str
    format: str
    interval: int
    display: str
    filters: Mapping[str, Any]
    math: str
    math_property: str | None
    created_at: datetime


def list_metrics(connection: Connection, project_id: int) -> list[UsageMetric]:
    """The project's metrics, oldest first."""
    own = select(usage_metrics).where(usage_metrics.c.project_id == project_id)
    rows = connection.execute(own.order_by(usage_metrics.c.created_at, usage_metrics.c.id))
    return [UsageMetric(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented mapping view


def get_metric(connection: Connection, project_id: int, metric_id: UUID) -> UsageMetric:
    """A metric of the project; raises `NotFound`."""
    row = connection.execute(select(usage_metrics).filter_by(project_id=project_id, id=metric_id)).first()
    if row is None:
        raise NotFound
    return UsageMetric(**row._mapping)  # noqa: SLF001


def create_metric(connection: Connection, project_id: int, values: Mapping[str, Any], now: datetime) -> UsageMetric:
    """A new metric; raises `InvalidInput` when another one has its name."""
    _check(connection, project_id, values, None)
    metric_id = uuid4()
    connection.execute(insert(usage_metrics).values(id=metric_id, project_id=project_id, created_at=now, **values))
    return get_metric(connection, project_id, metric_id)


def update_metric(connection: Connection, project_id: int, metric_id: UUID, values: Mapping[str, Any]) -> UsageMetric:
    """The metric with new values; raises `NotFound`, or `InvalidInput` when another one has its name."""
    before = get_metric(connection, project_id, metric_id)
    _check(connection, project_id, {**asdict(before), **values}, metric_id)
    if values:
        connection.execute(update(usage_metrics).where(usage_metrics.c.id == metric_id).values(**values))
    return get_metric(connection, project_id, metric_id)


def delete_metric(connection: Connection, project_id: int, metric_id: UUID) -> None:
    """Delete a metric; raises `NotFound`."""
    get_metric(connection, project_id, metric_id)
    connection.execute(delete(usage_metrics).where(usage_metrics.c.id == metric_id))


def _check(connection: Connection, project_id: int, values: Mapping[str, Any], own_id: UUID | None) -> None:
    if values["math"] == "sum" and not values["math_property"]:
        raise InvalidInput("math_property is required when math is 'sum'.", attr="math_property")
    same_name = (usage_metrics.c.project_id == project_id) & (usage_metrics.c.name == values["name"])
    if own_id is not None:
        same_name &= usage_metrics.c.id != own_id
    if connection.execute(select(func.count()).select_from(usage_metrics).where(same_name)).scalar_one():
        raise InvalidInput("A usage metric with this name already exists.", code="unique", attr="name")
