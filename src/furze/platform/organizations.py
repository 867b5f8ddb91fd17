"""Organisations and their members: all SQL about them, and who may change what.

The rules are PostHog's. Admins change and remove members up to their own level; only an owner makes owners, deletes the
organisation, and an organisation always has one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from furze.platform import store
from furze.platform.auth import Caller, check_organization, whole
from furze.platform.errors import InvalidInput, NotFound, PermissionDenied
from furze.platform.store import ADMIN, MEMBER, OWNER, memberships, organizations
from furze.platform.types import Actor, Item, Membership, Organization, Project, User, changed_fields
from furze.platform.users import leave_unreachable


def enter(connection: Connection, caller: Caller, organization_id: str, *, least: int = MEMBER) -> Membership:
    """The caller's membership of an organisation, by its id or `@current`, if the level is at least `least`.

    Raises `NotFound` for a stranger, `PermissionDenied` for a key that is not for it or a level that is too low.
    """
    user = whole(caller).user
    current = store.current_organization_id(connection, user) if organization_id == "@current" else None
    wanted = current or _uuid(organization_id)
    own = find_member(connection, wanted, user) if wanted else None
    if own is None:
        raise NotFound("Organization not found.")
    check_organization(caller, own.organization.id)
    check_level(own.level, least)
    return own


def check_level(level: int | None, least: int) -> None:
    """Raise `PermissionDenied` for a level below `least`."""
    if level is None or level < least:
        raise PermissionDenied("Your organization access level is insufficient.")


def list_own(connection: Connection, caller: Caller) -> list[tuple[Organization, int]]:
    """The caller's organisations that the key is for, each with the caller's level in it."""
    scoped = whole(caller).key.scoped_organizations
    own = store.list_organizations(connection, caller.user.id)
    return [(each, level) for each, level in own if not scoped or str(each.id) in scoped]


def list_projects(connection: Connection, caller: Caller) -> list[Project]:
    """The projects of the caller's organisations that the key is for."""
    reached = {each.id for each, _ in list_own(connection, caller)}
    return [each for each in store.list_projects(connection, caller.user.id) if each.organization_id in reached]


def find_member(connection: Connection, organization_id: UUID, user: User) -> Membership | None:
    """A user's membership of an organisation."""
    members = list_members(connection, organization_id, user_id=user.id)
    return members[0] if members else None


def list_members(connection: Connection, organization_id: UUID, user_id: int | None = None) -> list[Membership]:
    """The members of an organisation, oldest first; or the one who is the user."""
    chosen = memberships.c.organization_id == organization_id
    if user_id is not None:
        chosen &= memberships.c.user_id == user_id
    joined = select(memberships, organizations).join(organizations, organizations.c.id == memberships.c.organization_id)
    rows = connection.execute(joined.where(chosen).order_by(memberships.c.joined_at, memberships.c.user_id)).all()
    users = store.get_users(connection, [row.user_id for row in rows])
    return [
        Membership(
            row.id,
            Organization(organization_id, row.name, row.slug, row.created_at, row.updated_at),
            users[row.user_id],
            row.level,
            row.joined_at,
        )
        for row in rows
    ]


def change_organization(connection: Connection, own: Membership, name: str, now: datetime) -> Organization:
    """The organisation with another name; its slug stays, for others may have it written down."""
    before = own.organization
    values = {"name": name, "updated_at": now}
    connection.execute(update(organizations).where(organizations.c.id == before.id).values(**values))
    changes = changed_fields("Organization", {"name": before.name}, {"name": name})
    record(connection, own, "updated", Item("Organization", str(before.id), name, changes), now)
    return Organization(before.id, name, before.slug, before.created_at, now)


def delete_organization(connection: Connection, own: Membership) -> None:
    """Delete an organisation without projects, and everybody's membership of it."""
    connection.execute(delete(organizations).where(organizations.c.id == own.organization.id))
    leave_unreachable(connection)


def change_level(connection: Connection, own: Membership, member_id: str, level: int, now: datetime) -> Membership:
    """A member with another level; raises `PermissionDenied` where the caller may not give or change it."""
    member = _locked_member(connection, own, member_id)
    if member.id == own.id:
        raise PermissionDenied("You can't change your own access level.")
    _check_reaches(own, member)
    if level > own.level:
        raise PermissionDenied(
            "You can only make another member owner if you're this organization's owner."
            if level == OWNER
            else "You can only change access level of others to lower or equal to your current one."
        )
    connection.execute(update(memberships).where(memberships.c.id == member.id).values(level=level))
    changes = changed_fields("OrganizationMembership", {"level": member.level}, {"level": level})
    record(connection, own, "updated", _item(member, changes), now)
    return Membership(member.id, member.organization, member.user, level, member.joined_at)


def remove_member(connection: Connection, own: Membership, member_id: str, now: datetime) -> None:
    """Take a member out of the organisation, or let the caller leave it; the last owner stays."""
    member = _locked_member(connection, own, member_id)
    if member.id != own.id:
        _check_reaches(own, member)
    elif member.level == OWNER and _count_owners(connection, own.organization.id) == 1:
        detail = "Cannot leave the organization as its owner! Make another member owner first, or delete it."
        raise InvalidInput(detail)
    connection.execute(delete(memberships).where(memberships.c.id == member.id))
    leave_unreachable(connection)
    record(connection, own, "deleted", _item(member), now)


def record(connection: Connection, own: Membership, activity: str, item: Item, now: datetime) -> None:
    """Write what a member did in the organisation as a whole into the activity log."""
    by = Actor(None, own.user.id, own.organization.id)
    store.record_activity(connection, by=by, item=item, activity=activity, now=now)


def _locked_member(connection: Connection, own: Membership, member_id: str) -> Membership:
    # Two owners who take each other's level at the same time would leave none: one waits here for the other.
    store.lock_organization(connection, own.organization.id)
    present = list_members(connection, own.organization.id)
    level = next((each.level for each in present if each.id == own.id), None)
    check_level(level, own.level)
    wanted = str(own.user.uuid) if member_id == "@me" else member_id
    for each in present:
        if wanted in (str(each.user.uuid), str(each.id)):
            return each
    raise NotFound


def _check_reaches(own: Membership, member: Membership) -> None:
    if own.level < ADMIN:
        raise PermissionDenied("You can only edit others if you are an admin.")
    if member.level > own.level:
        raise PermissionDenied("You can only edit others with level lower or equal to you.")


def _count_owners(connection: Connection, organization_id: UUID) -> int:
    owners = (memberships.c.organization_id == organization_id) & (memberships.c.level == OWNER)
    return int(connection.execute(select(func.count()).select_from(memberships).where(owners)).scalar_one())


def _item(member: Membership, changes: tuple[Mapping[str, Any], ...] = ()) -> Item:
    return Item("OrganizationMembership", str(member.id), member.user.email, tuple(map(dict, changes)))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
