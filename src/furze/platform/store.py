"""All SQL about users, organisations, projects, keys and the activity log."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.kit.clock import wire_time
from furze.platform.types import Actor, Item, Organization, PersonalApiKey, Project, User

users = Table(
    "user_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("distinct_id", String, nullable=False),
    Column("first_name", String, nullable=False, default=""),
    Column("last_name", String, nullable=False, default=""),
    Column("email", String, nullable=False, unique=True),
    Column("is_email_verified", Boolean, nullable=False, default=False),
    Column("is_active", Boolean, nullable=False, default=True),
    Column("role_at_organization", String),
    Column("hedgehog_config", json_type()),
    Column("current_project_id", Integer),
    Column("password_hash", String),
    Column("created_at", UTCDateTime, nullable=False),
)

organizations = Table(
    "organization",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
    Column("slug", String, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)

memberships = Table(
    "organization_membership",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, ForeignKey("organization.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("level", Integer, nullable=False),
    Column("joined_at", UTCDateTime, nullable=False),
    UniqueConstraint("organization_id", "user_id"),
)

projects = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("organization_id", Uuid, ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("api_token", String, nullable=False, unique=True),
    Column("timezone", String, nullable=False, default="UTC"),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)

#: The ids of projects that are gone, so that none is given again: rows elsewhere may carry it for a while.
deleted_projects = Table(
    "deleted_project",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("deleted_at", UTCDateTime, nullable=False),
)

personal_api_keys = Table(
    "personal_api_key",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", String, nullable=False),
    Column("mask_value", String, nullable=False),
    Column("secure_value", String, nullable=False, unique=True),
    Column("scopes", json_type(), nullable=False),
    Column("scoped_projects", json_type(), nullable=False),
    Column("scoped_organizations", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_used_at", UTCDateTime),
    Column("last_rolled_at", UTCDateTime),
)

activity_log = Table(
    "activity_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), index=True),
    Column("organization_id", Uuid, ForeignKey("organization.id", ondelete="CASCADE"), index=True),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("scope", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("activity", String, nullable=False),
    Column("detail", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
)

#: Membership levels, with PostHog's numbers.
MEMBER, ADMIN, OWNER = 1, 8, 15

_LAST_USED_RESOLUTION = timedelta(hours=1)


def any_user(connection: Connection) -> bool:
    """Whether anyone has an account yet."""
    return connection.execute(select(users.c.id).limit(1)).first() is not None


def first_user_id(connection: Connection) -> int:
    """The id of the user whom the first start made."""
    user_id: int = connection.execute(select(func.min(users.c.id))).scalar_one()
    return user_id


def create_user(
    connection: Connection,
    *,
    email: str,
    first_name: str,
    now: datetime,
    last_name: str = "",
    password_hash: str | None = None,
    is_email_verified: bool = True,
) -> User:
    """A new user, of no organisation yet."""
    row = connection.execute(
        insert(users)
        .values(
            uuid=uuid4(),
            distinct_id=str(uuid4()),
            email=email,
            first_name=first_name,
            last_name=last_name,
            password_hash=password_hash,
            is_email_verified=is_email_verified,
            is_active=True,
            created_at=now,
        )
        .returning(*users.c)
    ).one()
    return _user(row)


def create_organization(connection: Connection, *, name: str, owner_id: int, now: datetime) -> Organization:
    """A new organisation with its owner."""
    slug = "-".join(name.lower().split())
    organization = Organization(uuid4(), name, slug, now, now)
    connection.execute(
        insert(organizations).values(id=organization.id, name=name, slug=slug, created_at=now, updated_at=now)
    )
    add_member(connection, organization.id, owner_id, level=OWNER, now=now)
    return organization


def add_member(connection: Connection, organization_id: UUID, user_id: int, *, level: int, now: datetime) -> None:
    """Let a user into an organisation."""
    connection.execute(
        insert(memberships).values(
            id=uuid4(), organization_id=organization_id, user_id=user_id, level=level, joined_at=now
        )
    )


def lock_organization(connection: Connection, organization_id: UUID) -> None:
    """Hold an organisation until the transaction ends, so that nobody else changes what belongs to it."""
    connection.execute(select(organizations.c.id).where(organizations.c.id == organization_id).with_for_update())


def create_project(
    connection: Connection, *, organization_id: UUID, name: str, api_token: str, now: datetime, timezone: str = "UTC"
) -> Project:
    """A new project."""
    row = connection.execute(
        insert(projects)
        .values(
            uuid=uuid4(),
            organization_id=organization_id,
            name=name,
            api_token=api_token,
            timezone=timezone,
            created_at=now,
            updated_at=now,
            **_unused_project_id(connection),
        )
        .returning(*projects.c)
    ).one()
    return _project(row)


def _unused_project_id(connection: Connection) -> dict[str, int]:
    # PostgreSQL never gives an id twice. SQLite gives the highest again once its row is gone.
    if connection.dialect.name != "sqlite":
        return {}
    highest = (connection.execute(select(func.max(each.c.id))).scalar_one() for each in (projects, deleted_projects))
    return {"id": max(each or 0 for each in highest) + 1}


def update_project(connection: Connection, project_id: int, values: Mapping[str, Any], now: datetime) -> Project:
    """A project with other values."""
    connection.execute(update(projects).where(projects.c.id == project_id).values(**values, updated_at=now))
    project = get_project(connection, project_id)
    assert project is not None  # noqa: S101 - the caller was let into it
    return project


def delete_project(connection: Connection, project_id: int, now: datetime) -> None:
    """Delete a project with every row that is the project's."""
    connection.execute(insert(deleted_projects).values(id=project_id, deleted_at=now))
    connection.execute(delete(projects).where(projects.c.id == project_id))


def existing_projects(connection: Connection, project_ids: Iterable[int]) -> set[int]:
    """Those of the ids that are a project's."""
    found = connection.execute(select(projects.c.id).where(projects.c.id.in_(set(project_ids))))
    return {row.id for row in found}


def set_current_project(connection: Connection, user_id: int, project_id: int) -> None:
    """The project that `@current` means for a user."""
    connection.execute(update(users).where(users.c.id == user_id).values(current_project_id=project_id))


def get_project(connection: Connection, project_id: int) -> Project | None:
    """A project by id."""
    row = connection.execute(select(projects).where(projects.c.id == project_id)).first()
    return _project(row) if row else None


def get_project_by_token(connection: Connection, api_token: str) -> Project | None:
    """A project by its capture token."""
    row = connection.execute(select(projects).where(projects.c.api_token == api_token)).first()
    return _project(row) if row else None


def list_projects(connection: Connection, user_id: int) -> list[Project]:
    """The projects of every organisation the user is a member of."""
    rows = connection.execute(
        select(projects)
        .join(memberships, memberships.c.organization_id == projects.c.organization_id)
        .where(memberships.c.user_id == user_id)
        .order_by(projects.c.id)
    )
    return [_project(row) for row in rows]


def list_organizations(connection: Connection, user_id: int) -> list[tuple[Organization, int]]:
    """The user's organisations, each with the user's level in it."""
    rows = connection.execute(
        select(organizations, memberships.c.level)
        .join(memberships, memberships.c.organization_id == organizations.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(organizations.c.created_at, organizations.c.id)
    )
    return [(Organization(row.id, row.name, row.slug, row.created_at, row.updated_at), row.level) for row in rows]


def current_organization_id(connection: Connection, user: User) -> UUID | None:
    """The organisation that `@current` means for a user: the current project's, else the one joined first."""
    if user.current_project_id is not None:
        project = get_project(connection, user.current_project_id)
        if project is not None:
            return project.organization_id
    joined = select(memberships.c.organization_id).where(memberships.c.user_id == user.id)
    return connection.execute(joined.order_by(memberships.c.joined_at).limit(1)).scalar_one_or_none()


def membership_level(connection: Connection, organization_id: UUID, user_id: int) -> int | None:
    """The user's level in an organisation, or None for a stranger."""
    return connection.execute(
        select(memberships.c.level).where(
            memberships.c.organization_id == organization_id, memberships.c.user_id == user_id
        )
    ).scalar_one_or_none()


def create_key(connection: Connection, *, key: PersonalApiKey, secure_value: str) -> PersonalApiKey:
    """Store a key; only its hash, never its value."""
    connection.execute(
        insert(personal_api_keys).values(
            id=key.id,
            user_id=key.user_id,
            label=key.label,
            mask_value=key.mask_value,
            secure_value=secure_value,
            scopes=list(key.scopes),
            scoped_projects=list(key.scoped_projects),
            scoped_organizations=list(key.scoped_organizations),
            created_at=key.created_at,
        )
    )
    return key


def get_key(connection: Connection, secure_value: str) -> tuple[PersonalApiKey, User] | None:
    """The key with this hash and its user, unless the user is inactive."""
    query = select(personal_api_keys).where(personal_api_keys.c.secure_value == secure_value)
    row = connection.execute(query).first()
    if row is None:
        return None
    user = get_user(connection, row.user_id)
    return (_key(row), user) if user and user.is_active else None


def get_user(connection: Connection, user_id: int) -> User | None:
    """A user by id."""
    row = connection.execute(select(users).where(users.c.id == user_id)).first()
    return _user(row) if row else None


def get_users(connection: Connection, user_ids: Iterable[int]) -> dict[int, User]:
    """Users by their ids."""
    return {row.id: _user(row) for row in connection.execute(select(users).where(users.c.id.in_(set(user_ids))))}


def touch_key(connection: Connection, key_id: str, now: datetime) -> None:
    """Note that a key was used, at most once an hour."""
    connection.execute(
        update(personal_api_keys)
        .where(
            personal_api_keys.c.id == key_id,
            or_(
                personal_api_keys.c.last_used_at.is_(None),
                personal_api_keys.c.last_used_at < now - _LAST_USED_RESOLUTION,
            ),
        )
        .values(last_used_at=now)
    )


def record_activity(connection: Connection, *, by: Actor, item: Item, activity: str, now: datetime) -> None:
    """One entry of the activity log: who did what (`created`, `updated`, `deleted`, …) to which object."""
    connection.execute(
        insert(activity_log).values(
            id=uuid4(),
            project_id=by.project_id,
            organization_id=by.organization_id,
            user_id=by.user_id,
            scope=item.scope,
            item_id=item.id,
            activity=activity,
            detail={"name": item.name, "changes": list(item.changes)},
            created_at=now,
        )
    )


def list_activity(
    connection: Connection,
    project: Project,
    *,
    scope: str | None = None,
    item_id: str | None = None,
    user_id: int | None = None,
    limit: int,
    offset: int,
) -> tuple[list[dict[str, Any]], int]:
    """A page of a project's activity log as PostHog's clients read it, newest first, and how many entries there are.

    What was done in its organisation as a whole is in the log of each of its projects.
    """
    kept = or_(
        activity_log.c.project_id == project.id,
        activity_log.c.project_id.is_(None) & (activity_log.c.organization_id == project.organization_id),
    )
    for column, value in (("scope", scope), ("item_id", item_id), ("user_id", user_id)):
        if value is not None:
            kept &= activity_log.c[column] == value
    names = (users.c.first_name, users.c.last_name, users.c.email)
    joined = select(activity_log, *names).outerjoin(users, users.c.id == activity_log.c.user_id).where(kept)
    newest = joined.order_by(activity_log.c.created_at.desc(), activity_log.c.id).limit(limit).offset(offset)
    count = connection.execute(select(func.count()).select_from(activity_log).where(kept)).scalar_one()
    return [_activity_entry(row) for row in connection.execute(newest)], count


def _activity_entry(row: Row[Any]) -> dict[str, Any]:
    user = {"first_name": row.first_name, "last_name": row.last_name, "email": row.email}
    return {
        "id": str(row.id),
        "user": user if row.user_id is not None else None,
        "is_system": row.user_id is None,
        "scope": row.scope,
        "item_id": row.item_id,
        "activity": row.activity,
        "detail": row.detail,
        "created_at": wire_time(row.created_at),
    }


def _user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        uuid=row.uuid,
        distinct_id=row.distinct_id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        is_email_verified=row.is_email_verified,
        is_active=row.is_active,
        role_at_organization=row.role_at_organization,
        hedgehog_config=row.hedgehog_config,
        current_project_id=row.current_project_id,
        created_at=row.created_at,
    )


def _project(row: Row[Any]) -> Project:
    return Project(
        id=row.id,
        uuid=row.uuid,
        organization_id=row.organization_id,
        name=row.name,
        api_token=row.api_token,
        timezone=row.timezone,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _key(row: Row[Any]) -> PersonalApiKey:
    return PersonalApiKey(
        id=row.id,
        user_id=row.user_id,
        label=row.label,
        mask_value=row.mask_value,
        scopes=tuple(row.scopes),
        scoped_projects=tuple(row.scoped_projects),
        scoped_organizations=tuple(row.scoped_organizations),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        last_rolled_at=row.last_rolled_at,
    )
