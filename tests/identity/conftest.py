"""A database with projects, and a builder of events."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from furze.database import Database
from furze.database.migrate import migrate
from furze.events.types import Event
from furze.identity import batch
from furze.identity.merge import identify
from furze.identity.roster import Roster
from furze.identity.types import Identity
from furze.kit.ids import uuid7
from furze.platform import store as platform
from furze.platform.first_start import FirstKeys, ensure_first_project
from furze.testing.postgres import fresh_database

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database of each kind."""
    if request.param == "postgres":
        url = fresh_database(request.getfixturevalue("postgres"))
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('identity') / 'furze.db'}"
    database = Database(url)
    migrate(database)
    database.write_now(ensure_first_project, keys=FirstKeys("phx_first", "phc_first"), now=START)
    yield database
    database.close()


def new_project(connection: Connection) -> int:
    """A project nobody has used."""
    first = platform.get_project(connection, 1)
    assert first is not None
    name = uuid7().hex
    return platform.create_project(
        connection, organization_id=first.organization_id, name=name, api_token=f"phc_{name}", now=START
    ).id


@pytest.fixture
def project(database: Database) -> int:
    """A project of the test's own."""
    return database.write_now(new_project)


def event(project_id: int, name: str, distinct_id: str, minute: float = 0, /, **properties: Any) -> Event:
    """An event `minute` minutes after the start; `_` in a property's name stands for a leading `$`."""
    named = {f"${key[1:]}" if key.startswith("_") else key: value for key, value in properties.items()}
    at = START + timedelta(minutes=minute)
    return Event(project_id, uuid7(), name, distinct_id, at, at, named)


@pytest.fixture
def arrive(database: Database) -> Callable[[Sequence[Event]], list[Identity]]:
    """Runs events through identity as one batch, and saves what comes of it."""
    return lambda events: run_batch(database, events)[1]


def run_batch(database: Database, events: Sequence[Event], token: str | None = None) -> tuple[Roster, list[Identity]]:
    """The roster and the identities of one saved batch."""

    def work(connection: Connection) -> tuple[Roster, list[Identity]]:
        roster = batch.load(connection, events)
        found = identify(roster, events)
        roster.number_versions(1)
        batch.save(connection, roster, token or uuid7().hex)
        return roster, found

    return database.write_now(work)
