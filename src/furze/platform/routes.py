"""The caller's own account: users/@me, and the key in use."""

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import Field
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import sessions, store, users
from furze.platform.answers import (
    KeyAnswer,
    UserAnswer,
    basic_of,
    key_of,
    organization_of,
    project_of,
)
from furze.platform.auth import AnyCaller, Authenticator, Caller, unlimited
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Body, RequiredText, Text, WireUUID
from furze.platform.passwords import Passwords, check_password
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.types import User
from furze.platform.users import Email

endpoints = Endpoints("platform")

PlatformDatabase = Annotated[Database, provided(Database)]
Now = Annotated[Clock, provided(Clock)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Hashing = Annotated[Passwords, provided(Passwords)]


class UserChanges(Body):
    """What PATCH of a user takes: only the keys sent are touched."""

    first_name: RequiredText = Field(default="-", max_length=150)
    last_name: Text = Field(default="", max_length=150)
    role_at_organization: Text = Field(default="", max_length=64)
    email: Email = "-@-"
    password: str | None = None
    current_password: str | None = None
    set_current_team: int | None = None
    set_current_organization: WireUUID | None = None


@endpoints.get("/users/{user_id}", scope="user:read", response=UserAnswer, in_project=False)
async def get_me(caller: AnyCaller, database: PlatformDatabase, user_id: str) -> dict[str, Any]:
    """The caller's account, as `@me` or by its uuid, with the current project and the organisations."""
    return await database.read(_account, _own(caller, user_id).user)


@endpoints.patch("/users/{user_id}", scope="user:write", response=UserAnswer, in_project=False)
async def change_me(
    request: Request,
    caller: AnyCaller,
    database: PlatformDatabase,
    callers: Callers,
    passwords: Hashing,
    clock: Now,
    user_id: str,
    body: Annotated[UserChanges, Depends(BodyOf(UserChanges))],
) -> dict[str, Any]:
    """The caller's account with the values sent. A new password ends the account's other sessions."""
    user = _own(caller, user_id).user
    if body.model_fields_set & {"email", "password"}:
        unlimited(caller)  # or a key for little would become a session for everything
    values = body.model_dump(include={"first_name", "last_name", "role_at_organization", "email"}, exclude_unset=True)
    if body.password is not None:
        await _check_current(request, user, body.current_password, database, passwords)
        check_password(body.password, email=values.get("email", user.email))
        values["password_hash"] = await passwords.hashed(body.password)
    kept = request.cookies.get(sessions.SESSION_COOKIE) if caller.is_session else None
    answer = await database.write(_change, user, body, values, kept, clock)
    callers.forget()
    return answer


@endpoints.get("/personal_api_keys/{key_id}", scope=None, response=KeyAnswer, in_project=False)
async def get_key(caller: AnyCaller, key_id: str) -> dict[str, Any]:
    """The key in use, as `@current` or by its id."""
    if caller.is_session or key_id not in ("@current", caller.key.id):
        raise NotFound
    return key_of(caller.key)


def _own(caller: Caller, user_id: str) -> Caller:
    if user_id not in ("@me", str(caller.user.uuid)):
        raise NotFound
    return caller


def _account(connection: Connection, user: User) -> dict[str, Any]:
    projects = store.list_projects(connection, user.id)
    owned = store.list_organizations(connection, user.id)
    organizations = [organization_of(each, level, projects) for each, level in owned]
    current_id = store.current_organization_id(connection, user)
    return {
        **basic_of(user),
        "has_password": users.password_hash(connection, user.id) is not None,
        "date_joined": user.created_at,
        "team": next((project_of(each) for each in projects if each.id == user.current_project_id), None),
        "organization": next((each for each in organizations if each["id"] == current_id), None),
        "organizations": organizations,
    }


async def _check_current(
    request: Request, user: User, given: str | None, database: Database, passwords: Passwords
) -> None:
    """Whoever finds a browser signed in must not be able to take the account over."""
    stored = await database.read(users.password_hash, user.id)
    if stored is None:
        return
    if given is None:
        detail = "This field is required when updating your password."
        raise InvalidInput(detail, code="required", attr="current_password")
    address = sessions.address_of(request)
    if not await passwords.is_right(given, stored, email=user.email, address=address):
        raise InvalidInput("Your current password is incorrect.", code="incorrect_password", attr="current_password")


def _change(
    connection: Connection, user: User, body: UserChanges, values: dict[str, Any], kept: str | None, clock: Clock
) -> dict[str, Any]:
    if body.set_current_organization is not None:
        values["current_project_id"] = users.first_project(connection, user.id, body.set_current_organization).id
    if body.set_current_team is not None:
        values["current_project_id"] = users.project_to_stand_in(connection, user.id, body.set_current_team).id
    changed = users.change_user(connection, user, values, clock.now())
    if "password_hash" in values:
        sessions.end_others(connection, user.id, kept)
    return _account(connection, changed)
