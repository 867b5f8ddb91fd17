"""persons: list, look up, change, split, delete; values for autocomplete."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from sqlalchemy import Connection

from furze.hogql import ast, print_hogql
from furze.identity import store as identities
from furze.identity.types import Person
from furze.kit import json
from furze.people import changes
from furze.people.engine import People
from furze.people.search import find_persons
from furze.people.types import (
    BulkDeleteBody,
    DistinctIdsBody,
    PersonAnswer,
    PropertiesBody,
    PropertyBody,
    SplitBody,
    UnsetBody,
    UuidsBody,
    ValueCount,
    at_most,
    person_answer,
    person_identity,
)
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import list_activity

endpoints = Endpoints("persons")

READ: Final = "person:read"
WRITE: Final = "person:write"

Engine = Annotated[People, provided(People)]

_NO: Final = ("false", "0", "no")


class Done(Answer):
    """What was asked for is done."""

    success: bool = True


class BulkDeleted(Answer):
    """What a bulk deletion came to."""

    persons_found: int
    persons_deleted: int
    events_queued_for_deletion: bool
    recordings_queued_for_deletion: bool
    deletion_errors: list[str]


class PersonsByKey(Answer):
    """Persons by what they were asked for."""

    results: dict[str, PersonAnswer]


@endpoints.get("/persons", scope=READ, response=Page[PersonAnswer])
async def list_persons(
    access: ProjectAccess,
    engine: Engine,
    page: AskedPage,
    distinct_id: str | None = None,
    email: str | None = None,
    search: str | None = None,
    properties: str | None = None,
) -> dict[str, Any]:
    """The project's persons, newest first. `properties` is a JSON list of property filters."""
    chosen = {"distinct_id": distinct_id, "email": email, "search": search}
    project_id = access.project.id
    if properties:
        people, count = await find_persons(engine, project_id, _filters(properties), page, **chosen)
    else:
        people, count = await engine.database.read(
            identities.list_persons, project_id, limit=page.limit, offset=page.offset, **chosen
        )
    return page.page([person_answer(person) for person in people], count)


@endpoints.get("/persons/values", scope=READ, response=list[ValueCount])
async def list_values(access: ProjectAccess, engine: Engine, key: str = "", value: str = "") -> list[dict[str, Any]]:
    """The most frequent values of a person property that contain `value`, with how many persons have them."""
    if not key:
        return []
    field = print_hogql(ast.Field(("properties", key)))
    rows = await engine.rows(
        access.project.id,
        f"SELECT toString({field}) AS value, count() FROM persons WHERE value IS NOT NULL AND value ILIKE {{pattern}} "
        "GROUP BY value ORDER BY count() DESC, value LIMIT 25",
        {"pattern": f"%{value}%"},
    )
    return [{"name": name, "count": count} for name, count in rows]


@endpoints.get("/persons/cohorts", scope=READ)
async def list_cohorts(access: ProjectAccess, engine: Engine, person_id: str = "") -> dict[str, Any]:
    """The cohorts of a person: none, because cohorts do not exist here."""
    await _person(access, engine, person_id)
    return {"results": []}


@endpoints.get("/persons/activity", scope="activity_log:read")
async def list_all_activity(access: ProjectAccess, engine: Engine, page: AskedPage) -> dict[str, Any]:
    """What callers did to the project's persons, newest first."""
    return await _activity(access, engine, page, None)


@endpoints.post("/persons/bulk_delete", scope=WRITE, response=BulkDeleted, status=202)
async def bulk_delete(
    access: ProjectAccess, engine: Engine, body: Annotated[BulkDeleteBody, Depends(BodyOf(BulkDeleteBody))]
) -> dict[str, Any]:
    """Delete up to a thousand persons, on request with the events captured before."""
    if body.distinct_ids:
        at_most(body.distinct_ids, "distinct_ids")
    elif body.ids:
        at_most(body.ids, "ids")
    else:
        raise InvalidInput("You need to specify either distinct_ids or ids")
    head = await engine.caught_up()
    people = await engine.database.read(_named, access.project.id, body)
    deleted = await engine.change(
        changes.delete_persons,
        _by(access, engine),
        people,
        erase_before=head if body.delete_events else 0,
        keep=body.keep_person,
    )
    return {
        "persons_found": len(people),
        "persons_deleted": 0 if body.keep_person else deleted,
        "events_queued_for_deletion": body.delete_events,
        "recordings_queued_for_deletion": False,
        "deletion_errors": [],
    }


@endpoints.post("/persons/batch_by_distinct_ids", scope=READ, response=PersonsByKey, status=200)
async def batch_by_distinct_ids(
    access: ProjectAccess, engine: Engine, body: Annotated[DistinctIdsBody, Depends(BodyOf(DistinctIdsBody))]
) -> dict[str, Any]:
    """The persons behind distinct ids; those that nobody has are left out."""
    at_most(body.distinct_ids, "distinct_ids")
    found = await engine.database.read(identities.persons_by_distinct_id, access.project.id, body.distinct_ids)
    return {"results": {distinct_id: person_answer(person) for distinct_id, person in found.items()}}


@endpoints.post("/persons/batch_by_uuids", scope=READ, response=PersonsByKey, status=200)
async def batch_by_uuids(
    access: ProjectAccess, engine: Engine, body: Annotated[UuidsBody, Depends(BodyOf(UuidsBody))]
) -> dict[str, Any]:
    """Persons by uuid; unknown ones are left out."""
    at_most(body.uuids, "uuids")
    uuids = [each for text in body.uuids if not isinstance(each := _lenient_identity(text), int | None)]
    found = await engine.database.read(identities.persons_by_uuid, access.project.id, uuids)
    return {"results": {str(uuid): person_answer(person) for uuid, person in found.items()}}


@endpoints.get("/persons/{person_id}", scope=READ, response=PersonAnswer)
async def get_person(access: ProjectAccess, engine: Engine, person_id: str) -> dict[str, Any]:
    """One person, by number or uuid."""
    return person_answer(await _person(access, engine, person_id))


@endpoints.put("/persons/{person_id}", scope=WRITE, response=PersonAnswer)
async def put_person(
    access: ProjectAccess,
    engine: Engine,
    person_id: str,
    body: Annotated[PropertiesBody, Depends(BodyOf(PropertiesBody))],
) -> dict[str, Any]:
    """The same as PATCH: PostHog's PUT adds to the properties too."""
    return await change_person(access, engine, person_id, body)


@endpoints.patch("/persons/{person_id}", scope=WRITE, response=PersonAnswer)
async def change_person(
    access: ProjectAccess,
    engine: Engine,
    person_id: str,
    body: Annotated[PropertiesBody, Depends(BodyOf(PropertiesBody))],
) -> dict[str, Any]:
    """The person with the properties sent; the others stay."""
    by, identity = _by(access, engine), person_identity(person_id)
    return person_answer(await engine.change(changes.change_person, by, identity, to_set=body.properties))


@endpoints.delete("/persons/{person_id}", scope=WRITE)
async def delete_person(
    access: ProjectAccess, engine: Engine, request: Request, person_id: str, delete_events: str | None = None
) -> None:
    """Delete a person for good; with `?delete_events=true` the events captured before go as well."""
    keep = (request.query_params.get("keep_person") or "false").lower() not in _NO
    head = await engine.caught_up()
    person = await _person(access, engine, person_id)
    erases = delete_events is not None and delete_events.lower() not in _NO
    by = _by(access, engine)
    await engine.change(changes.delete_persons, by, [person], erase_before=head if erases else 0, keep=keep)


@endpoints.post("/persons/{person_id}/update_property", scope=WRITE, response=PersonAnswer, status=202)
async def update_property(
    access: ProjectAccess, engine: Engine, person_id: str, body: Annotated[PropertyBody, Depends(BodyOf(PropertyBody))]
) -> dict[str, Any]:
    """The person with one property set."""
    if body.value is None:
        raise InvalidInput("This field is required.", code="required", attr="value")
    by, identity = _by(access, engine), person_identity(person_id)
    return person_answer(await engine.change(changes.change_person, by, identity, to_set={body.key: body.value}))


@endpoints.post("/persons/{person_id}/delete_property", scope=WRITE, response=Done)
async def delete_property(
    access: ProjectAccess, engine: Engine, person_id: str, body: Annotated[UnsetBody, Depends(BodyOf(UnsetBody))]
) -> Done:
    """Take properties away from a person."""
    names = [body.unset] if isinstance(body.unset, str) else body.unset
    at_most(names, "properties")
    by, identity = _by(access, engine), person_identity(person_id)
    await engine.change(changes.change_person, by, identity, to_unset=names)
    return Done()


@endpoints.post("/persons/{person_id}/split", scope=WRITE, response=Done)
async def split_person(
    access: ProjectAccess, engine: Engine, person_id: str, body: Annotated[SplitBody, Depends(BodyOf(SplitBody))]
) -> Done:
    """Make a person of each of this person's distinct ids but the main one."""
    by, identity = _by(access, engine), person_identity(person_id)
    await engine.change(changes.split_person, by, identity, body.main_distinct_id)
    return Done()


@endpoints.get("/persons/{person_id}/activity", scope="activity_log:read")
async def list_activity_of(access: ProjectAccess, engine: Engine, page: AskedPage, person_id: str) -> dict[str, Any]:
    """What callers did to a person, newest first."""
    person = await _person(access, engine, person_id)
    return await _activity(access, engine, page, str(person.id))


@endpoints.get("/persons/{person_id}/properties_timeline", scope=READ)
async def get_properties_timeline(access: ProjectAccess, engine: Engine, person_id: str) -> dict[str, Any]:
    """How a person's properties changed: only the present ones are known."""
    person = await _person(access, engine, person_id)
    return {"points": [], "crucial_property_keys": [], "properties": dict(person.properties)}


def _by(access: Access, engine: People) -> changes.Change:
    return changes.Change(access.project.id, access.user.id, engine.now())


async def _person(access: Access, engine: People, text: str) -> Person:
    person = await engine.database.read(identities.get_person, access.project.id, person_identity(text))
    if person is None:
        raise NotFound
    return person


async def _activity(access: Access, engine: People, page: AskedPage, item_id: str | None) -> dict[str, Any]:
    rows, count = await engine.database.read(
        list_activity, access.project, scope="Person", item_id=item_id, limit=page.limit, offset=page.offset
    )
    return page.page(rows, count)


def _named(connection: Connection, project_id: int, body: BulkDeleteBody) -> list[Person]:
    if body.distinct_ids:
        found = identities.persons_by_distinct_id(connection, project_id, body.distinct_ids)
        return list({person.id: person for person in found.values()}.values())
    people = {}
    for text in body.ids or ():
        identity = _lenient_identity(str(text))
        person = None if identity is None else identities.get_person(connection, project_id, identity)
        if person is not None:
            people[person.id] = person
    return list(people.values())


def _lenient_identity(text: str) -> Any:
    try:
        return person_identity(text)
    except NotFound:
        return None


def _filters(text: str) -> list[dict[str, Any]]:
    try:
        filters = json.loads(text)
    except ValueError:
        raise InvalidInput("Properties are unparsable!", attr="properties") from None
    if isinstance(filters, dict):
        filters = [filters]
    if not isinstance(filters, list) or not all(isinstance(each, dict) for each in filters):
        raise InvalidInput("A JSON list of property filters is needed.", attr="properties")
    return [{"type": "person", **each} for each in filters]
