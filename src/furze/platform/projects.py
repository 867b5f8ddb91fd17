"""Projects: made and deleted by admins of their organisation, changed by its members."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import Connection

from furze.platform import store
from furze.platform.auth import Access
from furze.platform.errors import InvalidInput
from furze.platform.keys import new_project_token
from furze.platform.organizations import check_level, find_member, record
from furze.platform.store import ADMIN
from furze.platform.types import Actor, Item, Membership, Organization, Project, User, changed_fields
from furze.platform.users import leave_unreachable

DEFAULT_NAME: Final = "Default project"


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases what a project has outside the database, some time after the transaction that asks for it."""

    enqueue: Callable[[Connection, int], None]


def check_timezone(name: str) -> None:
    """Raise `InvalidInput` for what is no time zone."""
    if name not in available_timezones():
        raise InvalidInput(f'"{name}" is not a valid choice.', code="invalid_choice", attr="timezone")


def found_organization(connection: Connection, user: User, name: str, now: datetime) -> Organization:
    """A new organisation that the user owns, with a first project, which becomes the user's current one."""
    organization = store.create_organization(connection, name=name, owner_id=user.id, now=now)
    own = find_member(connection, organization.id, user)
    assert own is not None  # noqa: S101 - the owner was just made
    record(connection, own, "created", Item("Organization", str(organization.id), name), now)
    make_project(connection, own, DEFAULT_NAME, "UTC", now)
    return organization


def make_project(connection: Connection, own: Membership, name: str, timezone: str, now: datetime) -> Project:
    """A new project of the organisation, which becomes the current one of whoever makes it."""
    project = store.create_project(
        connection,
        organization_id=own.organization.id,
        name=name,
        api_token=new_project_token(),
        now=now,
        timezone=timezone,
    )
    store.set_current_project(connection, own.user.id, project.id)
    _record(connection, project, own.user, "created", now)
    return project


def change_project(connection: Connection, access: Access, values: Mapping[str, Any], now: datetime) -> Project:
    """The project with other values."""
    before = access.project
    after = store.update_project(connection, before.id, values, now)
    shown = [{name: getattr(each, name) for name in ("name", "timezone")} for each in (before, after)]
    changes = changed_fields("Project", shown[0], shown[1])
    _record(connection, after, access.user, "updated", now, changes)
    return after


def reset_token(connection: Connection, access: Access, now: datetime) -> Project:
    """The project with a new capture token; raises `PermissionDenied` unless the caller is an admin."""
    _check_admin(connection, access)
    after = store.update_project(connection, access.project.id, {"api_token": new_project_token()}, now)
    # A token is public, but who reads the log later has no need of the old one.
    change = {"type": "Project", "action": "changed", "field": "api_token", "before": None, "after": None}
    _record(connection, after, access.user, "updated", now, (change,))
    return after


def delete_project(connection: Connection, access: Access, eraser: Eraser, now: datetime) -> None:
    """Delete a project with all that is in it; raises `PermissionDenied` unless the caller is an admin."""
    _check_admin(connection, access)
    _delete(connection, access.project, eraser, now)
    leave_unreachable(connection)
    project = access.project
    by = Actor(None, access.user.id, project.organization_id)
    item = Item("Project", str(project.id), project.name)
    store.record_activity(connection, by=by, item=item, activity="deleted", now=now)


def delete_projects(connection: Connection, own: Membership, eraser: Eraser, now: datetime) -> None:
    """Delete every project of the organisation."""
    for project in store.list_projects(connection, own.user.id):
        if project.organization_id == own.organization.id:
            _delete(connection, project, eraser, now)


def _delete(connection: Connection, project: Project, eraser: Eraser, now: datetime) -> None:
    store.delete_project(connection, project.id, now)
    eraser.enqueue(connection, project.id)


def _check_admin(connection: Connection, access: Access) -> None:
    check_level(store.membership_level(connection, access.project.organization_id, access.user.id), ADMIN)


def _record(
    connection: Connection,
    project: Project,
    user: User,
    activity: str,
    now: datetime,
    changes: tuple[dict[str, Any], ...] = (),
) -> None:
    item = Item("Project", str(project.id), project.name, changes)
    store.record_activity(connection, by=Actor(project.id, user.id), item=item, activity=activity, now=now)
