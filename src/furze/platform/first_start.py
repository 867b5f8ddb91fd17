"""The first start: someone to be, somewhere to send events, and the two keys."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from furze.platform import store
from furze.platform.keys import hash_key, mask_key
from furze.platform.types import PersonalApiKey


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """The keys made at the first start. The personal key can't be shown again."""

    personal_api_key: str
    project_api_key: str


def ensure_first_project(connection: Connection, *, keys: FirstKeys, now: datetime) -> bool:
    """On an empty database, make a user, an organisation, project 1 and the two keys; whether it did."""
    if store.any_user(connection):
        return False
    user = store.create_user(connection, email="owner@localhost", first_name="Owner", now=now)
    organization = store.create_organization(connection, name="Default organization", owner_id=user.id, now=now)
    project = store.create_project(
        connection,
        organization_id=organization.id,
        name="Default project",
        api_token=keys.project_api_key,
        now=now,
    )
    store.set_current_project(connection, user.id, project.id)
    store.create_key(
        connection,
        key=PersonalApiKey(
            id=secrets.token_urlsafe(16),
            user_id=user.id,
            label="First key",
            mask_value=mask_key(keys.personal_api_key),
            scopes=("*",),
            scoped_projects=(),
            scoped_organizations=(),
            created_at=now,
            last_used_at=None,
            last_rolled_at=None,
        ),
        secure_value=hash_key(keys.personal_api_key),
    )
    return True
