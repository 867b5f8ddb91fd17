"""Projects, which are also their environments."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import organizations, projects
from furze.platform.answers import ProjectAnswer, project_of
from furze.platform.auth import AnyCaller, Authenticator, ProjectAccess
from furze.platform.fields import Body, RequiredText
from furze.platform.pagination import AskedPage, Page
from furze.platform.projects import DEFAULT_NAME, Eraser
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import ADMIN

endpoints = Endpoints("projects")

Accounts = Annotated[Database, provided(Database)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Erasing = Annotated[Eraser, provided(Eraser)]
Now = Annotated[Clock, provided(Clock)]


class NewProjectBody(Body):
    """A project to make."""

    name: RequiredText = Field(default=DEFAULT_NAME, max_length=200)
    timezone: str = "UTC"


class ProjectChanges(Body):
    """What PATCH of a project takes: only the keys sent are touched."""

    name: RequiredText = Field(default="-", max_length=200)
    timezone: str = "UTC"


@endpoints.get("/projects", scope="project:read", response=Page[ProjectAnswer], in_project=False)
@endpoints.get("/environments", scope="project:read", response=Page[ProjectAnswer], in_project=False)
async def list_projects(caller: AnyCaller, database: Accounts, page: AskedPage) -> dict[str, Any]:
    """The caller's projects."""
    rows = await database.read(organizations.list_projects, caller)
    return page.page([project_of(each) for each in rows[page.offset :][: page.limit]], len(rows))


@endpoints.post("/projects", scope="project:write", response=ProjectAnswer, in_project=False)
@endpoints.post("/environments", scope="project:write", response=ProjectAnswer, in_project=False)
async def create_project(
    caller: AnyCaller,
    database: Accounts,
    callers: Callers,
    clock: Now,
    body: Annotated[NewProjectBody, Depends(BodyOf(NewProjectBody))],
) -> dict[str, Any]:
    """A new project of the current organisation, which becomes the caller's current one. Admins may make it."""
    projects.check_timezone(body.timezone)

    def create(connection: Connection) -> dict[str, Any]:
        own = organizations.enter(connection, caller, "@current", least=ADMIN)
        return project_of(projects.make_project(connection, own, body.name, body.timezone, clock.now()))

    made = await database.write(create)
    callers.forget()
    return made


@endpoints.get("", scope="project:read", response=ProjectAnswer)
async def get_project(access: ProjectAccess) -> dict[str, Any]:
    """The project that the path names."""
    return project_of(access.project)


@endpoints.patch("", scope="project:write", response=ProjectAnswer)
async def change_project(
    access: ProjectAccess,
    database: Accounts,
    clock: Now,
    body: Annotated[ProjectChanges, Depends(BodyOf(ProjectChanges))],
) -> dict[str, Any]:
    """The project with the values sent; the others stay."""
    values = body.model_dump(exclude_unset=True)
    projects.check_timezone(body.timezone)
    return project_of(await database.write(projects.change_project, access, values, clock.now()))


@endpoints.delete("", scope="project:write")
async def delete_project(
    access: ProjectAccess, database: Accounts, callers: Callers, eraser: Erasing, clock: Now
) -> None:
    """Delete the project for good, with its events, people, exports and all else in it. Admins may."""
    await database.write(projects.delete_project, access, eraser, clock.now())
    callers.forget()


@endpoints.patch("/reset_token", scope="project:write", response=ProjectAnswer)
async def reset_token(access: ProjectAccess, database: Accounts, clock: Now) -> dict[str, Any]:
    """The project with a new capture token; the old one stops to work. Admins may ask for it."""
    return project_of(await database.write(projects.reset_token, access, clock.now()))
