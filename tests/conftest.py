"""One server per test run and worker, a project of its own for each test."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import uvicorn

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.kit.ids import uuid7
from furze.platform import store
from furze.platform.keys import hash_key, mask_key, new_personal_key
from furze.platform.types import PersonalApiKey
from furze.server import create_app
from furze.settings import Settings
from furze.testing.postgres import fresh_database, postgres_server

PERSONAL_KEY, PROJECT_KEY = "phx_test_personal_key", "phc_test_project_key"


@dataclass
class Furze:
    """A running server: a client that speaks as its first user, and where it keeps its data."""

    url: str
    client: httpx.Client
    settings: Settings

    def api(self, path: str, mount: str = "projects") -> str:
        """The path of a project endpoint."""
        return f"/api/{mount}/1/{path}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test process."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def furze(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furze]:
    """The shared server of this test process, on the embedded event store and SQLite.

    A module that marks itself `both_databases` runs a second time with the server on PostgreSQL.
    """
    with serving(request, tmp_path_factory) as made:
        yield made


@contextmanager
def serving(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furze]:
    """A server on a folder of its own, and on a PostgreSQL database of its own if the fixture's parameter says so."""
    on_postgres = getattr(request, "param", "sqlite") == "postgres"
    settings = Settings(
        data=tmp_path_factory.mktemp("furze"),
        personal_api_key=PERSONAL_KEY,
        project_api_key=PROJECT_KEY,
        database_url=fresh_database(request.getfixturevalue("postgres")) if on_postgres else None,
    )
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    with running(settings) as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield Furze(url, client, settings)


both_databases = pytest.mark.parametrize("furze", ["sqlite", "postgres"], indirect=True, scope="session")


class running:  # noqa: N801 - used as a context manager
    """Serves an application in a thread; gives its URL."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.server = uvicorn.Server(
            uvicorn.Config(create_app(settings, **options), port=0, log_level="warning", lifespan="on")
        )
        self.socket = socket.socket(proto=socket.IPPROTO_TCP)
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started:
            if not self.thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the server did not start; its log says why")
            time.sleep(0.02)
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)


@pytest.fixture
def make_key(furze: Furze) -> Callable[..., dict[str, str]]:
    """Makes a key of the first user's; gives the header that uses it."""

    def make(**fields: Any) -> dict[str, str]:
        value = new_personal_key()
        key = PersonalApiKey(
            id=uuid4().hex,
            user_id=1,
            label="test",
            mask_value=mask_key(value),
            scopes=("*",),
            scoped_projects=(),
            scoped_organizations=(),
            created_at=SystemClock().now(),
            last_used_at=None,
            last_rolled_at=None,
        )
        database = Database(furze.settings.resolved_database_url)
        database.write_now(store.create_key, key=replace(key, **fields), secure_value=hash_key(value))
        database.close()
        return {"Authorization": f"Bearer {value}"}

    return make


@pytest.fixture
def unique() -> str:
    """A text no other test has used."""
    return uuid7().hex
