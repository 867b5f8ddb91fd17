"""Who asks, and whether they may: the first credential found decides."""

import re
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import sessions, store
from furze.platform.errors import (
    AuthenticationFailed,
    FurzeError,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
)
from furze.platform.keys import hash_key
from furze.platform.requests import read_body
from furze.platform.scopes import allows
from furze.platform.types import PersonalApiKey, Project, User

_BEARER = re.compile(r"Bearer\s+(\S.*)")
_CACHE_SECONDS = 5.0
_SESSION_KEY = "session"


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a request and the key used; for a session, a key without limits that exists nowhere else."""

    user: User
    key: PersonalApiKey

    @property
    def is_session(self) -> bool:
        """Whether a browser's session asks, not a key."""
        return self.key.id == _SESSION_KEY

    def may_see(self, project: Project) -> bool:
        """Whether the key's own limits leave a project open."""
        key = self.key
        return (not key.scoped_projects or project.id in key.scoped_projects) and (
            not key.scoped_organizations or str(project.organization_id) in key.scoped_organizations
        )


@dataclass(frozen=True, slots=True)
class Access:
    """A caller who may do what the endpoint's scope says, in one project."""

    user: User
    key: PersonalApiKey
    project: Project


class Authenticator:
    """Turns credentials into callers: a key in header, body or query, in this order, else the session of a cookie.

    Remembers a valid one for a few seconds, so that most requests need no query.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._callers: dict[str, tuple[float, Caller]] = {}

    async def caller(self, request: Request, scope: str | None) -> Caller:
        """The caller; raises `NotAuthenticated`, `AuthenticationFailed`, or `PermissionDenied` for a missing scope."""
        found = await _key_in(request)
        if found is None:
            return await self._session_caller(request)
        value, place = found
        caller = await self._caller_of(hash_key(value))
        if caller is None:
            raise AuthenticationFailed(f"Personal API key found in request {place} is invalid.")
        if scope is not None and not allows(caller.key.scopes, scope):
            raise PermissionDenied(f"API key missing required scope '{scope}'")
        return caller

    async def access(self, request: Request, scope: str | None) -> Access:
        """The caller, let into the project that the path names."""
        return await self.access_to(request, request.path_params["project_id"], scope)

    async def access_to(self, request: Request, project_id: str, scope: str | None) -> Access:
        """The caller, let into a project: its id, or `@current`."""
        caller = await self.caller(request, scope)
        project = await self._database.read(_find_project, project_id, caller)
        return Access(caller.user, caller.key, project)

    def forget(self) -> None:
        """Ask the database again for every key and session: called when one of them or a membership changes."""
        self._callers.clear()

    async def _session_caller(self, request: Request) -> Caller:
        value = request.cookies.get(sessions.SESSION_COOKIE)
        if value is None:
            raise NotAuthenticated
        now = self._clock.now()
        remembered = self._callers.get(hash_key(value))
        if remembered is None or remembered[0] <= now.timestamp():
            user = await self._database.read(sessions.find, value, now)
            if user is None:
                raise NotAuthenticated("Your session has ended. Sign in again.")
            remembered = (now.timestamp() + _CACHE_SECONDS, Caller(user, _unlimited_key(user)))
            self._callers[hash_key(value)] = remembered
        sessions.check_origin(request, value)
        return remembered[1]

    async def _caller_of(self, secure_value: str) -> Caller | None:
        now = self._clock.now()
        remembered = self._callers.get(secure_value)
        if remembered and remembered[0] > now.timestamp():
            return remembered[1]
        found = await self._database.read(store.get_key, secure_value)
        if found is None:
            return None
        key, user = found
        await self._database.write(store.touch_key, key.id, now)
        caller = Caller(user, key)
        self._callers[secure_value] = (now.timestamp() + _CACHE_SECONDS, caller)
        return caller


def unlimited(caller: Caller) -> Caller:
    """The caller, if a session may act for it, which knows no scopes; raises `PermissionDenied`."""
    key = caller.key
    if "*" not in key.scopes or key.scoped_projects or key.scoped_organizations:
        raise PermissionDenied("This key is limited to some scopes or projects. Use one whose scope is '*'.")
    return caller


def whole(caller: Caller) -> Caller:
    """The caller, unless the key is for some projects only: what is outside of projects is closed to such a key."""
    if caller.key.scoped_projects:
        raise PermissionDenied("API keys with scoped projects are only supported on project-based endpoints.")
    return caller


def check_organization(caller: Caller, organization_id: UUID) -> None:
    """Raise `PermissionDenied` for an organisation that the caller's key is not for."""
    scoped = caller.key.scoped_organizations
    if scoped and str(organization_id) not in scoped:
        detail = f"API key does not have access to the requested organization: ID {organization_id}."
        raise PermissionDenied(detail)


def _unlimited_key(user: User) -> PersonalApiKey:
    return PersonalApiKey(
        id=_SESSION_KEY,
        user_id=user.id,
        label="Session",
        mask_value="",
        scopes=("*",),
        scoped_projects=(),
        scoped_organizations=(),
        created_at=user.created_at,
        last_used_at=None,
        last_rolled_at=None,
    )


async def _key_in(request: Request) -> tuple[str, str] | None:
    header = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
    if header:
        return header[1].strip(), "Authorization header"
    body = await _body_mapping(request)
    if isinstance(body.get("personal_api_key"), str):
        return str(body["personal_api_key"]), "body"
    if value := request.query_params.get("personal_api_key"):
        return value, "query string"
    return None


async def _body_mapping(request: Request) -> dict[str, object]:
    # A body that can't be read holds no credential; the endpoint that needs the body reports what is wrong with it.
    try:
        body = await read_body(request)
    except FurzeError:
        return {}
    return body if isinstance(body, dict) else {}


def _find_project(connection: Connection, text: str, caller: Caller) -> Project:
    project_id = caller.user.current_project_id if text == "@current" else _integer(text)
    project = store.get_project(connection, project_id) if project_id is not None else None
    if project is None:
        raise NotFound("Project not found.")
    key = caller.key
    if key.scoped_projects and project.id not in key.scoped_projects:
        raise PermissionDenied(f"API key does not have access to the requested project: ID {project.id}.")
    check_organization(caller, project.organization_id)
    if store.membership_level(connection, project.organization_id, caller.user.id) is None:
        raise PermissionDenied("You don't have access to the project.")
    return project


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


async def _require_access(request: Request) -> Access:
    authenticator: Authenticator = request.app.state.provided[Authenticator]
    return await authenticator.access(request, request.scope["route"].openapi_extra["x-required-scope"])


async def _require_caller(request: Request) -> Caller:
    authenticator: Authenticator = request.app.state.provided[Authenticator]
    return await authenticator.caller(request, request.scope["route"].openapi_extra["x-required-scope"])


require_access = Depends(_require_access)
require_caller = Depends(_require_caller)

#: The parameter type of an endpoint inside a project: `access: ProjectAccess`.
ProjectAccess = Annotated[Access, require_access]
#: The parameter type of an endpoint outside any project.
AnyCaller = Annotated[Caller, require_caller]
