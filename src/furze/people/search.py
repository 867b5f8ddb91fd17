"""Persons by their properties: asked of the event store, whose filters know every operator, then read by uuid."""

from typing import Any
from uuid import UUID

from furze.identity import store as identities
from furze.identity.types import Person
from furze.people.engine import People
from furze.platform.pagination import PageRequest


async def find_persons(
    people: People,
    project_id: int,
    filters: list[dict[str, Any]],
    page: PageRequest,
    *,
    distinct_id: str | None,
    email: str | None,
    search: str | None,
) -> tuple[list[Person], int]:
    """A page of the persons that match every filter, newest first, and how many match in all."""
    conditions = ["{filters}"]
    if distinct_id is not None:
        conditions.append("id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id = {distinct_id})")
    if email is not None:
        conditions.append("properties.email = {email}")
    if search:
        conditions.append(
            "(properties.email ILIKE {pattern} OR properties.name ILIKE {pattern} "
            "OR id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id ILIKE {pattern}))"
        )
    where = " AND ".join(conditions)
    values = {"distinct_id": distinct_id, "email": email, "pattern": f"%{search or ''}%"}
    counted = await people.rows(project_id, f"SELECT count() FROM persons WHERE {where}", values, filters)
    rows = await people.rows(
        project_id,
        f"SELECT id FROM persons WHERE {where} ORDER BY created_at DESC, id LIMIT {page.limit} OFFSET {page.offset}",
        values,
        filters,
    )
    uuids = [UUID(str(row[0])) for row in rows]
    found = await people.database.read(identities.persons_by_uuid, project_id, uuids)
    return [found[uuid] for uuid in uuids if uuid in found], int(counted[0][0])
