"""Organisations and their members."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import organizations, projects, store
from furze.platform.answers import OrganizationAnswer, ProjectAnswer, basic_of, organization_of, project_of
from furze.platform.auth import AnyCaller, Authenticator, Caller, whole
from furze.platform.errors import PermissionDenied
from furze.platform.fields import Answer, Body, RequiredText, WireTime
from furze.platform.organizations import enter
from furze.platform.pagination import AskedPage, Page
from furze.platform.project_routes import NewProjectBody
from furze.platform.projects import Eraser
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import ADMIN, OWNER
from furze.platform.types import Membership, UserBasic

endpoints = Endpoints("organizations")

Accounts = Annotated[Database, provided(Database)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Erasing = Annotated[Eraser, provided(Eraser)]
Now = Annotated[Clock, provided(Clock)]


class OrganizationBody(Body):
    """An organisation to make, or its new name."""

    name: RequiredText = Field(max_length=64)


class MemberAnswer(Answer):
    """A member of an organisation."""

    id: UUID
    user: UserBasic
    level: int
    joined_at: WireTime


class MemberChanges(Body):
    """A member's new level: 1 member, 8 admin, 15 owner."""

    level: Literal[1, 8, 15]


@endpoints.get("/organizations", scope="organization:read", response=Page[OrganizationAnswer], in_project=False)
async def list_organizations(caller: AnyCaller, database: Accounts, page: AskedPage) -> dict[str, Any]:
    """The caller's organisations."""
    rows = await database.read(_organizations, caller)
    return page.page(rows[page.offset :][: page.limit], len(rows))


@endpoints.post("/organizations", scope="organization:write", response=OrganizationAnswer, in_project=False)
async def create_organization(
    caller: AnyCaller,
    database: Accounts,
    callers: Callers,
    clock: Now,
    body: Annotated[OrganizationBody, Depends(BodyOf(OrganizationBody))],
) -> dict[str, Any]:
    """A new organisation that the caller owns, with a first project, which becomes the current one."""
    if whole(caller).key.scoped_organizations:
        raise PermissionDenied("API keys with scoped organizations can't make another one.")
    made = await database.write(projects.found_organization, caller.user, body.name, clock.now())
    callers.forget()
    return await database.read(_organization, caller, str(made.id))


@endpoints.get(
    "/organizations/{organization_id}", scope="organization:read", response=OrganizationAnswer, in_project=False
)
async def get_organization(caller: AnyCaller, database: Accounts, organization_id: str) -> dict[str, Any]:
    """One of the caller's organisations, or the `@current` one."""
    return await database.read(_organization, caller, organization_id)


@endpoints.patch(
    "/organizations/{organization_id}", scope="organization:write", response=OrganizationAnswer, in_project=False
)
async def change_organization(
    caller: AnyCaller,
    database: Accounts,
    clock: Now,
    organization_id: str,
    body: Annotated[OrganizationBody, Depends(BodyOf(OrganizationBody))],
) -> dict[str, Any]:
    """The organisation with another name. Admins may give it."""

    def change(connection: Connection) -> dict[str, Any]:
        own = enter(connection, caller, organization_id, least=ADMIN)
        organizations.change_organization(connection, own, body.name, clock.now())
        return _organization(connection, caller, organization_id)

    return await database.write(change)


@endpoints.delete("/organizations/{organization_id}", scope="organization:write", in_project=False)
async def delete_organization(
    caller: AnyCaller, database: Accounts, callers: Callers, eraser: Erasing, clock: Now, organization_id: str
) -> None:
    """Delete the organisation with its projects and all that is in them. Owners may."""

    def remove(connection: Connection) -> None:
        own = enter(connection, caller, organization_id, least=OWNER)
        projects.delete_projects(connection, own, eraser, clock.now())
        organizations.delete_organization(connection, own)

    await database.write(remove)
    callers.forget()


@endpoints.get(
    "/organizations/{organization_id}/projects",
    scope="project:read",
    response=Page[ProjectAnswer],
    in_project=False,
)
async def list_projects(caller: AnyCaller, database: Accounts, page: AskedPage, organization_id: str) -> dict[str, Any]:
    """The projects of one of the caller's organisations."""
    found = (await database.read(_organization, caller, organization_id))["projects"]
    return page.page(found[page.offset :][: page.limit], len(found))


@endpoints.post(
    "/organizations/{organization_id}/projects", scope="project:write", response=ProjectAnswer, in_project=False
)
async def create_project(
    caller: AnyCaller,
    database: Accounts,
    callers: Callers,
    clock: Now,
    organization_id: str,
    body: Annotated[NewProjectBody, Depends(BodyOf(NewProjectBody))],
) -> dict[str, Any]:
    """A new project of the organisation, which becomes the caller's current one. Admins may make it."""
    projects.check_timezone(body.timezone)

    def create(connection: Connection) -> dict[str, Any]:
        own = enter(connection, caller, organization_id, least=ADMIN)
        return project_of(projects.make_project(connection, own, body.name, body.timezone, clock.now()))

    made = await database.write(create)
    callers.forget()
    return made


@endpoints.get(
    "/organizations/{organization_id}/members",
    scope="organization_member:read",
    response=Page[MemberAnswer],
    in_project=False,
)
async def list_members(caller: AnyCaller, database: Accounts, page: AskedPage, organization_id: str) -> dict[str, Any]:
    """The members of one of the caller's organisations, or of the `@current` one."""

    def members(connection: Connection) -> list[Membership]:
        own = enter(connection, caller, organization_id)
        return organizations.list_members(connection, own.organization.id)

    rows = await database.read(members)
    return page.page([_member(each) for each in rows[page.offset :][: page.limit]], len(rows))


@endpoints.patch(
    "/organizations/{organization_id}/members/{member_id}",
    scope="organization_member:write",
    response=MemberAnswer,
    in_project=False,
)
async def change_member(
    caller: AnyCaller,
    database: Accounts,
    clock: Now,
    organization_id: str,
    member_id: str,
    body: Annotated[MemberChanges, Depends(BodyOf(MemberChanges))],
) -> dict[str, Any]:
    """The member, by the user's uuid, with another level. Admins give up to their own; only owners make owners."""

    def change(connection: Connection) -> Membership:
        own = enter(connection, caller, organization_id)
        return organizations.change_level(connection, own, member_id, body.level, clock.now())

    return _member(await database.write(change))


@endpoints.delete(
    "/organizations/{organization_id}/members/{member_id}", scope="organization_member:write", in_project=False
)
async def remove_member(
    caller: AnyCaller, database: Accounts, callers: Callers, clock: Now, organization_id: str, member_id: str
) -> None:
    """Remove a member, by the user's uuid; with `@me`, leave. The last owner can't."""

    def remove(connection: Connection) -> None:
        own = enter(connection, caller, organization_id)
        organizations.remove_member(connection, own, member_id, clock.now())

    await database.write(remove)
    callers.forget()


def _organizations(connection: Connection, caller: Caller) -> list[dict[str, Any]]:
    own = organizations.list_own(connection, caller)
    reached = store.list_projects(connection, caller.user.id)
    return [organization_of(each, level, reached) for each, level in own]


def _organization(connection: Connection, caller: Caller, organization_id: str) -> dict[str, Any]:
    own = enter(connection, caller, organization_id)
    return organization_of(own.organization, own.level, store.list_projects(connection, caller.user.id))


def _member(member: Membership) -> dict[str, Any]:
    return {"id": member.id, "user": basic_of(member.user), "level": member.level, "joined_at": member.joined_at}
