"""One engine and one PostgreSQL for the whole folder; each test has tables and databases of its own."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.queue import IngestQueue
from furze.testing.postgres import fresh_database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedEngine]:
    async with EmbeddedEngine(tmp_path_factory.mktemp("store") / "events") as engine:
        yield engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store(engine: EmbeddedEngine) -> AsyncIterator[ClickHouse]:
    store = ClickHouse(engine.url)
    await store.ensure_schema()
    yield store
    await store.close()


@pytest_asyncio.fixture(loop_scope="session")
async def table(store: ClickHouse) -> AsyncIterator[str]:
    """A small table of its own for a test: (n Int64, s String, t DateTime64)."""
    name = f"furze.test_{uuid4().hex[:12]}"
    await store.execute(
        f"CREATE TABLE {name} (n Int64, s String, t DateTime64(6, 'UTC') DEFAULT 0) ENGINE = MergeTree ORDER BY n "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    yield name
    await store.execute(f"DROP TABLE {name}")


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.instant

    def turn(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.db"
    else:
        yield fresh_database(request.getfixturevalue("postgres"))


@pytest_asyncio.fixture
async def queue(queue_url: str, clock: Clock) -> AsyncIterator[IngestQueue]:
    async with IngestQueue(queue_url, now=clock) as queue:
        yield queue
