"""annotations: notes at moments in time; and the lists of what does not exist here, truthfully empty."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Response
from pydantic import AfterValidator
from sqlalchemy import Connection

from furze.kit.clock import Clock
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import MethodNotAllowed, NotFound
from furze.platform.fields import Body, Text
from furze.platform.pagination import AskedPage
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item, User
from furze.query import dashboard_store, insights
from furze.query.dashboard_store import Annotation
from furze.query.insights import Now, Stored
from furze.query.types import Answer

endpoints = Endpoints("annotations")

READ, WRITE = "annotation:read", "annotation:write"


def _aware(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AnnotationBody(Body):
    """What POST takes; PATCH takes the same, and touches only the keys sent."""

    content: Text | None = None
    date_marker: Annotated[datetime | None, AfterValidator(_aware)] = None
    scope: Literal["dashboard_item", "dashboard", "project", "organization", "recording"] = "project"
    deleted: bool = False


@endpoints.get("/annotations", scope=READ)
async def list_annotations(
    access: ProjectAccess, database: Stored, page: AskedPage, search: str | None = None
) -> Response:
    """The project's annotations, the latest moment first."""
    rows, count = await database.read(_page, access.project.id, search, (page.limit, page.offset))
    return insights.as_json(page.page(rows, count))


@endpoints.post("/annotations", scope=WRITE)
async def create_annotation(
    access: ProjectAccess,
    database: Stored,
    clock: Now,
    body: Annotated[AnnotationBody, Depends(BodyOf(AnnotationBody))],
) -> Response:
    """A new annotation."""
    return insights.as_json(await database.write(_create, access, body, clock), 201)


@endpoints.get("/annotations/{annotation_id}", scope=READ)
async def get_annotation(access: ProjectAccess, database: Stored, annotation_id: int) -> Response:
    """An annotation."""
    return insights.as_json(await database.read(_read, access.project.id, annotation_id))


@endpoints.patch("/annotations/{annotation_id}", scope=WRITE)
async def change_annotation(
    access: ProjectAccess,
    database: Stored,
    clock: Now,
    annotation_id: int,
    body: Annotated[AnnotationBody, Depends(BodyOf(AnnotationBody))],
) -> Response:
    """The annotation with the values sent; `deleted: true` takes it off the list."""
    values = body.model_dump(exclude_unset=True)
    return insights.as_json(await database.write(_change, access, annotation_id, values, clock))


@endpoints.delete("/annotations/{annotation_id}", scope=WRITE)
async def delete_annotation(access: ProjectAccess, annotation_id: int) -> None:  # noqa: ARG001 - always refused
    """Annotations are deleted softly: PATCH `deleted`."""
    raise MethodNotAllowed('Hard delete of this model is not allowed. Use a patch API call to set "deleted" to true')


@endpoints.get("/cohorts", scope="cohort:read")
async def list_cohorts(access: ProjectAccess, page: AskedPage) -> Response:  # noqa: ARG001 - asks for a key
    """The project's cohorts: none, because cohorts do not exist here."""
    return insights.as_json(page.page([], 0))


@endpoints.get("/feature_flags", scope="feature_flag:read")
async def list_feature_flags(access: ProjectAccess, page: AskedPage) -> Response:  # noqa: ARG001 - asks for a key
    """The project's feature flags: none, because flags do not exist here."""
    return insights.as_json(page.page([], 0))


def _page(
    connection: Connection, project_id: int, search: str | None, rows: tuple[int, int]
) -> tuple[list[Answer], int]:
    found, count = dashboard_store.list_annotations(
        connection, project_id, search=search, limit=rows[0], offset=rows[1]
    )
    users: dict[int, User | None] = {}
    return [_wire(connection, each, users) for each in found], count


def _read(connection: Connection, project_id: int, annotation_id: int) -> Answer:
    return _wire(connection, _found(connection, project_id, annotation_id), {})


def _create(connection: Connection, access: Access, body: AnnotationBody, clock: Clock) -> Answer:
    now = clock.now()
    values: dict[str, Any] = body.model_dump(exclude={"deleted"})
    values |= {"project_id": access.project.id, "created_by_id": access.user.id}
    values["date_marker"] = values["date_marker"] or now
    annotation = dashboard_store.create_annotation(connection, values=values, now=now)
    _record(connection, access, annotation, "created", now)
    return _wire(connection, annotation, {})


def _change(connection: Connection, access: Access, annotation_id: int, values: dict[str, Any], clock: Clock) -> Answer:
    annotation, now = _found(connection, access.project.id, annotation_id), clock.now()
    changed = dashboard_store.update_annotation(connection, annotation.id, values=values, now=now)
    _record(connection, access, changed, "deleted" if values.get("deleted") else "updated", now)
    return _wire(connection, changed, {})


def _record(connection: Connection, access: Access, annotation: Annotation, activity: str, now: datetime) -> None:
    item = Item("Annotation", str(annotation.id), annotation.content or str(annotation.id))
    record_activity(connection, by=Actor(access.project.id, access.user.id), item=item, activity=activity, now=now)


def _found(connection: Connection, project_id: int, annotation_id: int) -> Annotation:
    annotation = dashboard_store.get_annotation(connection, project_id, annotation_id)
    if annotation is None:
        raise NotFound
    return annotation


def _wire(connection: Connection, annotation: Annotation, users: dict[int, User | None]) -> Answer:
    shown = asdict(annotation)
    del shown["project_id"], shown["created_by_id"]
    return shown | {
        "created_by": insights.basic(connection, annotation.created_by_id, users),
        "insight_short_id": None,
        "insight_name": None,
        "dashboard_name": None,
    }
