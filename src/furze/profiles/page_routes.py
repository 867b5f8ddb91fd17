"""customer_profiles: the page of a person or group, as its saved or default layout says."""

from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Connection

from furze.identity import store as identities
from furze.platform.auth import ProjectAccess
from furze.platform.errors import NotFound
from furze.platform.fields import Answer
from furze.platform.routing import Endpoints, provided
from furze.profiles.entity import Entity
from furze.profiles.pages import ProfilePages

endpoints = Endpoints("customer_profiles")

Pages = Annotated[ProfilePages, provided(ProfilePages)]


class TileAnswer(Answer):
    """A tile: either `data`, or the `reason` why there is none."""

    type: str
    title: str
    index: int
    attrs: dict[str, Any]
    data: Any
    reason: str | None


class ProfileAnswer(Answer):
    """A page. `config` is the saved layout in use, null for the default one."""

    scope: str
    id: str
    config: str | None
    content: list[TileAnswer]
    sidebar: list[TileAnswer]


@endpoints.get("/customer_profiles/person/{person_id}", scope="person:read", response=ProfileAnswer)
async def get_person_profile(access: ProjectAccess, pages: Pages, person_id: str) -> dict[str, Any]:
    """The profile page of a person, by number, uuid or distinct id."""
    entity = await pages.database.read(find_person, access.project.id, person_id)
    return await pages.page(access, entity)


@endpoints.get(
    "/customer_profiles/group/{group_type_index}/{group_key:path}", scope="group:read", response=ProfileAnswer
)
async def get_group_profile(
    access: ProjectAccess, pages: Pages, group_type_index: str, group_key: str
) -> dict[str, Any]:
    """The profile page of a group."""
    entity = await pages.database.read(find_group, access.project.id, group_type_index, group_key)
    return await pages.page(access, entity)


def find_person(connection: Connection, project_id: int, text: str) -> Entity:
    """A person by number, uuid or distinct id; raises `NotFound`."""
    identity: int | UUID | None = None
    if text.isascii() and text.isdigit() and len(text) < 10:
        identity = int(text)
    else:
        try:
            identity = UUID(text)
        except ValueError:
            identity = None
    person = identities.get_person(connection, project_id, identity) if identity is not None else None
    person = person or identities.get_person_by_distinct_id(connection, project_id, text)
    if person is None:
        raise NotFound
    return Entity(person=person)


def find_group(connection: Connection, project_id: int, index: str, key: str) -> Entity:
    """A group; raises `NotFound`."""
    types = {str(each.group_type_index): each for each in identities.list_group_types(connection, project_id)}
    if index not in types:
        raise NotFound
    group = identities.get_group(connection, project_id, int(index), key)
    if group is None:
        raise NotFound
    return Entity(group=group, group_type=types[index])
