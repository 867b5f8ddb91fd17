"""All SQL about a user's own personal API keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from furze.platform.keys import hash_key, mask_key
from furze.platform.store import memberships, personal_api_keys, projects
from furze.platform.types import PersonalApiKey

_keys = personal_api_keys.c


def list_keys(connection: Connection, user_id: int) -> list[PersonalApiKey]:
    """The user's keys, newest first."""
    own = select(personal_api_keys).where(_keys.user_id == user_id)
    return [_key(row) for row in connection.execute(own.order_by(_keys.created_at.desc(), _keys.id))]


def count_keys(connection: Connection, user_id: int) -> int:
    """How many keys the user has."""
    own = select(func.count()).select_from(personal_api_keys).where(_keys.user_id == user_id)
    return int(connection.execute(own).scalar_one())


def find_key(connection: Connection, user_id: int, key_id: str) -> PersonalApiKey | None:
    """One of the user's keys."""
    row = connection.execute(select(personal_api_keys).filter_by(user_id=user_id, id=key_id)).first()
    return _key(row) if row else None


def update_key(connection: Connection, user_id: int, key_id: str, values: Mapping[str, Any]) -> PersonalApiKey | None:
    """One of the user's keys with other values."""
    if values:
        connection.execute(update(personal_api_keys).filter_by(user_id=user_id, id=key_id).values(**values))
    return find_key(connection, user_id, key_id)


def roll_key(connection: Connection, user_id: int, key_id: str, value: str, now: datetime) -> PersonalApiKey | None:
    """One of the user's keys with a new secret; the old one stops to work."""
    secret = {"secure_value": hash_key(value), "mask_value": mask_key(value), "last_rolled_at": now}
    return update_key(connection, user_id, key_id, secret)


def delete_key(connection: Connection, user_id: int, key_id: str) -> bool:
    """Delete one of the user's keys; whether there was one."""
    return connection.execute(delete(personal_api_keys).filter_by(user_id=user_id, id=key_id)).rowcount == 1


def reachable(connection: Connection, user_id: int) -> tuple[set[int], set[str]]:
    """The ids of the projects and organisations that the user is a member of."""
    own = select(memberships.c.organization_id).where(memberships.c.user_id == user_id)
    organizations = {row.organization_id for row in connection.execute(own)}
    found = connection.execute(select(projects.c.id).where(projects.c.organization_id.in_(organizations)))
    return {row.id for row in found}, {str(each) for each in organizations}


def _key(row: Any) -> PersonalApiKey:
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
