"""All SQL about accounts and their passwords, and what a user may change of them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import Connection, func, select, update

from furze.platform import store
from furze.platform.errors import InvalidInput
from furze.platform.fields import RequiredText
from furze.platform.store import memberships, projects, users
from furze.platform.types import Actor, Item, Project, User, changed_fields

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL: Final = 254


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or len(text) > _LONGEST_EMAIL:
        raise ValueError("Enter a valid email address.")
    return text.lower()


#: An email address, in small letters: they are compared without regard to case.
Email = Annotated[RequiredText, AfterValidator(_email)]


def find_by_email(connection: Connection, email: str) -> tuple[User, str | None] | None:
    """The user who signs in by this address, with what is stored of the password."""
    found = select(users.c.id, users.c.password_hash).where(func.lower(users.c.email) == email.lower())
    row = connection.execute(found).first()
    user = store.get_user(connection, row.id) if row else None
    return (user, row.password_hash) if row and user and user.is_active else None


def password_hash(connection: Connection, user_id: int) -> str | None:
    """What is stored of a user's password, if there is one."""
    found = select(users.c.password_hash).where(users.c.id == user_id)
    return connection.execute(found).scalar_one_or_none()


def change_user(connection: Connection, user: User, values: Mapping[str, Any], now: datetime) -> User:
    """A user with other values; raises `InvalidInput` for an address that is somebody else's."""
    if "email" in values:
        taken = find_by_email(connection, values["email"])
        if taken and taken[0].id != user.id:
            raise InvalidInput("user with this email address already exists.", code="unique", attr="email")
    if not values:
        return user
    connection.execute(update(users).where(users.c.id == user.id).values(**values))
    changed = store.get_user(connection, user.id)
    assert changed is not None  # noqa: S101 - the caller is this user
    _record(connection, user, changed, values, now)
    return changed


def project_to_stand_in(connection: Connection, user_id: int, project_id: int) -> Project:
    """A project that becomes the user's current one; raises `InvalidInput` unless the user is let in."""
    for each in store.list_projects(connection, user_id):
        if each.id == project_id:
            return each
    detail = f'Invalid pk "{project_id}" - object does not exist.'
    raise InvalidInput(detail, code="does_not_exist", attr="set_current_team")


def first_project(connection: Connection, user_id: int, organization_id: UUID) -> Project:
    """The first project of one of the user's organisations, which becomes the current one; or `InvalidInput`."""
    attr = "set_current_organization"
    if store.membership_level(connection, organization_id, user_id) is None:
        detail = f'Invalid pk "{organization_id}" - object does not exist.'
        raise InvalidInput(detail, code="does_not_exist", attr=attr)
    for each in store.list_projects(connection, user_id):
        if each.organization_id == organization_id:
            return each
    raise InvalidInput("This organization has no project yet. Make one in it first.", attr=attr)


def leave_unreachable(connection: Connection) -> None:
    """Give each user whose current project is gone, or closed to them, the first that is open to them."""
    reached = memberships.join(projects, projects.c.organization_id == memberships.c.organization_id)
    open_to_them = select(projects.c.id).select_from(reached).where(memberships.c.user_id == users.c.id)
    first = select(func.min(projects.c.id)).select_from(reached).where(memberships.c.user_id == users.c.id)
    is_lost = users.c.current_project_id.is_not(None) & users.c.current_project_id.not_in(open_to_them)
    connection.execute(update(users).where(is_lost).values(current_project_id=first.scalar_subquery()))


def _record(connection: Connection, before: User, after: User, values: Mapping[str, Any], now: datetime) -> None:
    shown = ("first_name", "last_name", "email")
    fields = changed_fields("User", *({name: getattr(each, name) for name in shown} for each in (before, after)))
    if "password_hash" in values:
        fields = (*fields, {"type": "User", "action": "changed", "field": "password", "before": None, "after": None})
    organization_id = store.current_organization_id(connection, after)
    if fields and organization_id is not None:
        item = Item("User", str(after.id), after.email, fields)
        by = Actor(None, after.id, organization_id)
        store.record_activity(connection, by=by, item=item, activity="updated", now=now)
