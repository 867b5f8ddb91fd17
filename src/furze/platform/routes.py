"""The caller's own account: users/@me, organisations, projects, environments, personal API keys."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import sessions, store
from furze.platform.auth import AnyCaller, Authenticator, Caller, ProjectAccess
from furze.platform.errors import AuthenticationFailed, NotFound, PermissionDenied
from furze.platform.fields import Answer, WireTime
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.sessions import LinkAnswer, SignInBody
from furze.platform.types import Organization, PersonalApiKey, Project, User, UserBasic

endpoints = Endpoints("platform")

PlatformDatabase = Annotated[Database, provided(Database)]
Now = Annotated[Clock, provided(Clock)]
Callers = Annotated[Authenticator, provided(Authenticator)]


class ProjectAnswer(Answer):
    """A project, which is also its environment."""

    id: int
    uuid: UUID
    project_id: int
    organization: UUID
    name: str
    api_token: str
    timezone: str
    created_at: WireTime
    updated_at: WireTime


class OrganizationAnswer(Answer):
    """An organisation as its member sees it."""

    id: UUID
    name: str
    slug: str
    created_at: WireTime
    updated_at: WireTime
    membership_level: int
    projects: list[ProjectAnswer]
    teams: list[ProjectAnswer]


class KeyAnswer(Answer):
    """A personal API key, without its value."""

    id: str
    label: str
    mask_value: str
    created_at: WireTime
    last_used_at: WireTime | None
    last_rolled_at: WireTime | None
    user_id: int
    scopes: list[str]
    scoped_teams: list[int]
    scoped_organizations: list[str]


class UserAnswer(UserBasic):
    """The caller."""

    team: ProjectAnswer | None
    organization: OrganizationAnswer | None
    organizations: list[OrganizationAnswer]
    date_joined: WireTime


@endpoints.get("/users/@me", scope="user:read", response=UserAnswer, in_project=False)
async def get_me(caller: AnyCaller, database: PlatformDatabase) -> dict[str, Any]:
    """The caller's account, with the current project and the organisations."""
    projects = await database.read(store.list_projects, caller.user.id)
    owned = await database.read(store.list_organizations, caller.user.id)
    current = next((each for each in projects if each.id == caller.user.current_project_id), None)
    organizations = [_organization(each, level, projects) for each, level in owned]
    return {
        **_basic(caller.user),
        "date_joined": caller.user.created_at,
        "team": _project(current) if current else None,
        "organization": next(
            (each for each in organizations if current and each["id"] == current.organization_id), None
        ),
        "organizations": organizations,
    }


@endpoints.get("/organizations", scope="organization:read", response=Page[OrganizationAnswer], in_project=False)
async def list_organizations(caller: AnyCaller, database: PlatformDatabase, page: AskedPage) -> dict[str, Any]:
    """The caller's organisations."""
    projects = await database.read(store.list_projects, caller.user.id)
    owned = await database.read(store.list_organizations, caller.user.id)
    rows = [_organization(each, level, projects) for each, level in owned]
    return page.page(rows[page.offset :][: page.limit], len(rows))


@endpoints.get("/projects", scope="project:read", response=Page[ProjectAnswer], in_project=False)
@endpoints.get("/environments", scope="project:read", response=Page[ProjectAnswer], in_project=False)
async def list_projects(caller: AnyCaller, database: PlatformDatabase, page: AskedPage) -> dict[str, Any]:
    """The caller's projects."""
    rows = [_project(each) for each in await database.read(store.list_projects, caller.user.id)]
    return page.page(rows[page.offset :][: page.limit], len(rows))


@endpoints.get("", scope="project:read", response=ProjectAnswer)
async def get_project(access: ProjectAccess) -> dict[str, Any]:
    """The project that the path names."""
    return _project(access.project)


@endpoints.get("/personal_api_keys/{key_id}", scope=None, response=KeyAnswer, in_project=False)
async def get_key(caller: AnyCaller, key_id: str) -> dict[str, Any]:
    """The key in use, as `@current` or by its id."""
    if caller.is_session or key_id not in ("@current", caller.key.id):
        raise NotFound
    return _key(caller.key)


@endpoints.post("/login", scope=None, response=UserBasic, status=200, in_project=False, is_open=True)
async def sign_in(
    request: Request,
    response: Response,
    database: PlatformDatabase,
    callers: Callers,
    clock: Now,
    body: Annotated[SignInBody, Depends(BodyOf(SignInBody))],
) -> dict[str, Any]:
    """Begin a session, by the token of a sign-in link or by a personal API key without limits of scope."""
    now = clock.now()
    if body.token is not None:
        session = await database.write(sessions.use_link, body.token, now)
    else:
        caller = await callers.caller(request, None)
        session = await database.write(sessions.begin, _unlimited(caller).user, now)
    sessions.set_cookies(request, response, session)
    return _basic(session.user)


@endpoints.post("/logout", scope=None, in_project=False, status=204)
async def sign_out(
    request: Request, response: Response, caller: AnyCaller, database: PlatformDatabase, callers: Callers
) -> None:
    """End the session that asks."""
    if not caller.is_session:
        raise AuthenticationFailed("Only a session can be signed out. To stop a key from working, delete it.")
    await database.write(sessions.end, request.cookies[sessions.SESSION_COOKIE])
    callers.forget()
    sessions.clear_cookies(response)


@endpoints.post("/sign_in_links", scope=None, response=LinkAnswer, in_project=False)
async def create_sign_in_link(caller: AnyCaller, database: PlatformDatabase, clock: Now) -> LinkAnswer:
    """A link that signs a browser in as the caller, once, within a day."""
    user = _unlimited(caller).user
    return LinkAnswer(path=await database.write(sessions.make_link, user.id, clock.now()))


def _unlimited(caller: Caller) -> Caller:
    """The caller, if a session may act for it: a session knows no scopes."""
    key = caller.key
    if "*" not in key.scopes or key.scoped_projects or key.scoped_organizations:
        raise PermissionDenied("This key is limited to some scopes or projects. Sign in with one whose scope is '*'.")
    return caller


def _basic(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in UserBasic.model_fields}


def _project(project: Project) -> dict[str, Any]:
    return {**asdict(project), "organization": project.organization_id, "project_id": project.id}


def _organization(organization: Organization, level: int, projects: list[Project]) -> dict[str, Any]:
    own = [_project(each) for each in projects if each.organization_id == organization.id]
    return {**asdict(organization), "membership_level": level, "projects": own, "teams": own}


def _key(key: PersonalApiKey) -> dict[str, Any]:
    return {**asdict(key), "scoped_teams": list(key.scoped_projects)}
