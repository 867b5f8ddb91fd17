"""The caller's own keys, made and changed in a session; a project's activity log."""

import secrets
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from pydantic import Field
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform import key_store, store
from furze.platform.answers import KeyAnswer, key_of
from furze.platform.auth import AnyCaller, Authenticator, Caller, ProjectAccess
from furze.platform.errors import InvalidInput, NotFound, PermissionDenied
from furze.platform.fields import Answer, Body, RequiredText
from furze.platform.keys import hash_key, mask_key, new_personal_key
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.scopes import is_scope
from furze.platform.types import PersonalApiKey

endpoints = Endpoints("account")

Accounts = Annotated[Database, provided(Database)]
Callers = Annotated[Authenticator, provided(Authenticator)]
Now = Annotated[Clock, provided(Clock)]

_MOST_KEYS: Final = 10


class NewKeyAnswer(KeyAnswer):
    """A key with its value, which can't be shown again."""

    value: str


class KeyBody(Body):
    """A key to make."""

    label: RequiredText = Field(max_length=40)
    scopes: list[str]
    scoped_teams: list[int] | None = None
    scoped_organizations: list[str] | None = None


class KeyChanges(Body):
    """What PATCH of a key takes: only the keys sent are touched."""

    label: RequiredText = Field(default="-", max_length=40)
    scopes: list[str] = ["*"]
    scoped_teams: list[int] | None = None
    scoped_organizations: list[str] | None = None


class ActivityAnswer(Answer):
    """An entry of the activity log."""

    id: UUID
    user: dict[str, Any] | None
    is_system: bool
    scope: str
    item_id: str
    activity: str
    detail: dict[str, Any]
    created_at: str


@endpoints.get("/personal_api_keys", scope=None, response=list[KeyAnswer], in_project=False)
async def list_keys(caller: AnyCaller, database: Accounts) -> list[dict[str, Any]]:
    """The caller's keys, newest first, without their values."""
    keys = await database.read(key_store.list_keys, _in_session(caller).user.id)
    return [key_of(key) for key in keys]


@endpoints.post("/personal_api_keys", scope=None, response=NewKeyAnswer, in_project=False)
async def create_key(
    caller: AnyCaller, database: Accounts, clock: Now, body: Annotated[KeyBody, Depends(BodyOf(KeyBody))]
) -> dict[str, Any]:
    """A new key of the caller's. Its value is in this answer only."""
    value = new_personal_key()
    key = PersonalApiKey(
        id=secrets.token_urlsafe(16),
        user_id=_in_session(caller).user.id,
        label=body.label,
        mask_value=mask_key(value),
        scopes=tuple(body.scopes),
        scoped_projects=tuple(body.scoped_teams or ()),
        scoped_organizations=tuple(body.scoped_organizations or ()),
        created_at=clock.now(),
        last_used_at=None,
        last_rolled_at=None,
    )
    return {**key_of(await database.write(_create, key, value)), "value": value}


@endpoints.patch("/personal_api_keys/{key_id}", scope=None, response=KeyAnswer, in_project=False)
async def change_key(
    caller: AnyCaller,
    database: Accounts,
    callers: Callers,
    key_id: str,
    body: Annotated[KeyChanges, Depends(BodyOf(KeyChanges))],
) -> dict[str, Any]:
    """The key with the values sent; the others stay."""
    values = body.model_dump(exclude_unset=True)
    if "scoped_teams" in values:
        values["scoped_projects"] = values.pop("scoped_teams") or []
    if "scoped_organizations" in values:
        values["scoped_organizations"] = values["scoped_organizations"] or []
    key = await database.write(_change, _in_session(caller).user.id, key_id, values)
    callers.forget()
    return key_of(key)


@endpoints.post("/personal_api_keys/{key_id}/roll", scope=None, response=NewKeyAnswer, status=200, in_project=False)
async def roll_key(caller: AnyCaller, database: Accounts, callers: Callers, clock: Now, key_id: str) -> dict[str, Any]:
    """The key with a new value; the old one stops to work."""
    value = new_personal_key()
    user_id = _in_session(caller).user.id
    key = _found(await database.write(key_store.roll_key, user_id, key_id, value, clock.now()))
    callers.forget()
    return {**key_of(key), "value": value}


@endpoints.delete("/personal_api_keys/{key_id}", scope=None, in_project=False)
async def delete_key(caller: AnyCaller, database: Accounts, callers: Callers, key_id: str) -> None:
    """Delete a key: it stops to work."""
    if not await database.write(key_store.delete_key, _in_session(caller).user.id, key_id):
        raise NotFound
    callers.forget()


@endpoints.get("/activity_log", scope="activity_log:read", response=Page[ActivityAnswer])
async def list_activity(
    access: ProjectAccess,
    database: Accounts,
    page: AskedPage,
    scope: str | None = None,
    item_id: str | None = None,
    user: int | None = None,
) -> dict[str, Any]:
    """What callers did in the project, newest first; `scope`, `item_id` and `user` narrow it."""
    chosen = {"scope": scope, "item_id": item_id}
    rows, count = await database.read(
        store.list_activity, access.project, user_id=user, limit=page.limit, offset=page.offset, **chosen
    )
    return page.page(rows, count)


def _in_session(caller: Caller) -> Caller:
    if not caller.is_session:
        raise PermissionDenied("This action does not support personal API key access")
    return caller


def _create(connection: Connection, key: PersonalApiKey, value: str) -> PersonalApiKey:
    if key_store.count_keys(connection, key.user_id) >= _MOST_KEYS:
        raise InvalidInput(
            f"You can only have {_MOST_KEYS} personal API keys. Remove an existing key before creating a new one."
        )
    _check(connection, key)
    return store.create_key(connection, key=key, secure_value=hash_key(value))


def _change(connection: Connection, user_id: int, key_id: str, values: dict[str, Any]) -> PersonalApiKey:
    _found(key_store.find_key(connection, user_id, key_id))
    changed = _found(key_store.update_key(connection, user_id, key_id, values))
    _check(connection, changed)
    return changed


def _check(connection: Connection, key: PersonalApiKey) -> None:
    if not key.scopes:
        raise InvalidInput("This list may not be empty.", code="empty", attr="scopes")
    for scope in key.scopes:
        if not is_scope(scope):
            raise InvalidInput(f"Invalid scope: {scope}", attr="scopes")
    projects, organizations = key_store.reachable(connection, key.user_id)
    if not projects.issuperset(key.scoped_projects):
        detail = "You must be a member of all teams that you are scoping the key to."
        raise InvalidInput(detail, attr="scoped_teams")
    if not organizations.issuperset(key.scoped_organizations):
        detail = "You must be a member of all organizations that you are scoping the key to."
        raise InvalidInput(detail, attr="scoped_organizations")


def _found(key: PersonalApiKey | None) -> PersonalApiKey:
    if key is None:
        raise NotFound
    return key
