"""Invites: a link that lets one person into an organisation, once, within three days. No mail is sent.

The link's secret is stored as its hash only. A member who could read it from a list could come in a second time, as
somebody else and at a higher level.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Column, Connection, ForeignKey, Integer, Row, String, Table, Uuid, delete, insert, select

from furze.database import UTCDateTime, metadata
from furze.platform import store, users
from furze.platform.errors import InvalidInput, NotFound, PermissionDenied
from furze.platform.keys import hash_key
from furze.platform.organizations import find_member, list_members, record
from furze.platform.store import ADMIN
from furze.platform.types import Item, Membership, User

INVITE_LIFE: Final = timedelta(days=3)

_NOT_VALID: Final = "The provided invite ID is not valid: it was used or taken back. Ask for a new one."

invites = Table(
    "organization_invite",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secure_value", String, nullable=False, unique=True),
    Column("target_email", String),
    Column("first_name", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("created_by_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite that nobody has used yet. With a `target_email` it is for that address only."""

    id: UUID
    organization_id: UUID
    target_email: str | None
    first_name: str
    level: int
    created_by: User
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who comes in by a link and has no account yet."""

    email: str
    first_name: str
    last_name: str
    password_hash: str


def make_invite(
    connection: Connection, own: Membership, *, email: str | None, first_name: str, level: int, now: datetime
) -> tuple[Invite, str]:
    """An invite to the organisation, and the secret of its link, which is in no database and can't be had again."""
    if level > own.level:
        raise PermissionDenied("You can't invite to a higher level than your own.")
    members = list_members(connection, own.organization.id)
    if email is not None and email in {each.user.email.lower() for each in members}:
        detail = "A user with this email address already belongs to the organization."
        raise InvalidInput(detail, code="user_already_member", attr="target_email")
    token = secrets.token_urlsafe(24)
    invite = Invite(uuid4(), own.organization.id, email, first_name, level, own.user, now, now + INVITE_LIFE)
    connection.execute(
        insert(invites).values(
            id=invite.id,
            organization_id=invite.organization_id,
            secure_value=hash_key(token),
            target_email=email,
            first_name=first_name,
            level=level,
            created_by_id=own.user.id,
            created_at=now,
            expires_at=invite.expires_at,
        )
    )
    record(connection, own, "created", _item(invite), now)
    return invite, token


def list_invites(connection: Connection, own: Membership) -> list[Invite]:
    """The organisation's invites that nobody has used, those that have run out among them, newest first."""
    chosen = select(invites).where(invites.c.organization_id == own.organization.id)
    rows = connection.execute(chosen.order_by(invites.c.created_at.desc(), invites.c.id)).all()
    makers = store.get_users(connection, [row.created_by_id for row in rows])
    return [_invite(row, makers[row.created_by_id]) for row in rows]


def delete_invite(connection: Connection, own: Membership, invite_id: UUID, now: datetime) -> None:
    """Take an invite back: one's own, or as an admin anybody's; raises `NotFound`, `PermissionDenied`."""
    for each in list_invites(connection, own):
        if each.id == invite_id:
            if own.level < ADMIN and each.created_by.id != own.user.id:
                raise PermissionDenied("You can only take back your own invites if you are not an admin.")
            connection.execute(delete(invites).where(invites.c.id == invite_id))
            record(connection, own, "deleted", _item(each), now)
            return
    raise NotFound


def open_invite(connection: Connection, token: str, now: datetime) -> tuple[Invite, Membership]:
    """The invite that a link is for, with the membership of whoever made it; raises `InvalidInput`.

    It is worth no more than its maker is now: somebody who was removed since can't let anybody in.
    """
    row = connection.execute(select(invites).where(invites.c.secure_value == hash_key(token))).first()
    maker = store.get_user(connection, row.created_by_id) if row else None
    host = find_member(connection, row.organization_id, maker) if row and maker else None
    if row is None or host is None or host.level < row.level:
        raise InvalidInput(_NOT_VALID)
    if row.expires_at <= now:
        raise InvalidInput("This invite has expired. Please ask your admin for a new one.", code="expired")
    return _invite(row, host.user), host


def join(connection: Connection, token: str, user: User, now: datetime) -> User:
    """Use an invite up: the user becomes a member, and goes on in the organisation's first project."""
    return _add(connection, _used(connection, token, now), user, now)


def join_anew(connection: Connection, token: str, person: NewPerson, now: datetime) -> User:
    """`join` for somebody without an account, who gets one; raises `InvalidInput` if the address has one already."""
    invite = _used(connection, token, now)
    if users.find_by_email(connection, person.email) is not None:
        detail = "There already exists an account with this email address. Please log in instead."
        raise InvalidInput(detail, code="account_exists", attr="email")
    user = store.create_user(
        connection,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        password_hash=person.password_hash,
        is_email_verified=False,
        now=now,
    )
    return _add(connection, invite, user, now)


def _used(connection: Connection, token: str, now: datetime) -> Invite:
    invite, _ = open_invite(connection, token, now)
    # Of two who come at the same time, the second waits here for the first and finds nothing left.
    if connection.execute(delete(invites).where(invites.c.id == invite.id)).rowcount != 1:
        raise InvalidInput(_NOT_VALID)
    return invite


def _add(connection: Connection, invite: Invite, user: User, now: datetime) -> User:
    check_recipient(invite, user.email)
    if store.membership_level(connection, invite.organization_id, user.id) is not None:
        raise InvalidInput("You already are a member of this organization.", code="user_already_member")
    store.add_member(connection, invite.organization_id, user.id, level=invite.level, now=now)
    own = find_member(connection, invite.organization_id, user)
    assert own is not None  # noqa: S101 - just added
    record(connection, own, "created", Item("OrganizationMembership", str(own.id), user.email), now)
    reached = store.list_projects(connection, user.id)
    first = next((each for each in reached if each.organization_id == invite.organization_id), None)
    if first is not None:
        store.set_current_project(connection, user.id, first.id)
    return user


def check_recipient(invite: Invite, email: str) -> None:
    """Raise `InvalidInput` for an invite that is for another address."""
    if invite.target_email is not None and invite.target_email != email.lower():
        detail = "This invite is intended for another email address."
        raise InvalidInput(detail, code="invalid_recipient", attr="email")


def _invite(row: Row[Any], maker: User) -> Invite:
    return Invite(
        id=row.id,
        organization_id=row.organization_id,
        target_email=row.target_email,
        first_name=row.first_name,
        level=row.level,
        created_by=maker,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _item(invite: Invite) -> Item:
    return Item("OrganizationInvite", str(invite.id), invite.target_email or invite.first_name or "by link")
