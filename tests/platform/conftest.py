"""People of organisations of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import select
from tests.conftest import Furze

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.kit.ids import uuid7
from furze.platform import store
from furze.platform.keys import hash_key, mask_key, new_personal_key, new_project_token
from furze.platform.types import PersonalApiKey


@dataclass
class Newcomer:
    """A person with an organisation and a project, and a client that acts as them by a key."""

    database: Database
    client: httpx.Client
    user_id: int
    email: str
    organization_id: str
    project_id: int

    def key(self, **limits: Any) -> dict[str, str]:
        """The header of a new key of this person's."""
        return key_of(self.database, self.user_id, **limits)

    def stored_password(self) -> str | None:
        """What the database holds of the password."""
        found = select(store.users.c.password_hash).where(store.users.c.id == self.user_id)
        return self.database.read_now(lambda connection: connection.execute(found).scalar_one())

    def join(self, organization_id: str, level: int) -> None:
        """Become a member of an organisation."""
        fields: dict[str, Any] = {"level": level, "now": SystemClock().now()}
        self.database.write_now(store.add_member, UUID(organization_id), self.user_id, **fields)


@pytest.fixture
def newcomer(furze: Furze) -> Iterator[Callable[..., Newcomer]]:
    """Makes people."""
    database = Database(furze.settings.resolved_database_url)
    with ExitStack() as stack:
        stack.callback(database.close)

        def make() -> Newcomer:
            name, now = uuid7().hex, SystemClock().now()
            email = f"{name}@example.com"
            user = database.write_now(store.create_user, email=email, first_name="New", now=now)
            organization = database.write_now(store.create_organization, name=name, owner_id=user.id, now=now)
            token = new_project_token()
            project = database.write_now(
                store.create_project, organization_id=organization.id, name="Theirs", api_token=token, now=now
            )
            database.write_now(store.set_current_project, user.id, project.id)
            headers = key_of(database, user.id)
            client = stack.enter_context(httpx.Client(base_url=furze.url, headers=headers, timeout=60))
            return Newcomer(database, client, user.id, email, str(organization.id), project.id)

        yield make


def key_of(database: Database, user_id: int, **limits: Any) -> dict[str, str]:
    value = new_personal_key()
    fields: dict[str, Any] = {"scopes": ("*",), "scoped_projects": (), "scoped_organizations": (), **limits}
    key = PersonalApiKey(
        id=uuid4().hex,
        user_id=user_id,
        label="test",
        mask_value=mask_key(value),
        created_at=SystemClock().now(),
        last_used_at=None,
        last_rolled_at=None,
        **fields,
    )
    database.write_now(store.create_key, key=key, secure_value=hash_key(value))
    return {"Authorization": f"Bearer {value}"}
