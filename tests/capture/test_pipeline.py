"""The writer stops at the worst moments and begins again: everything is stored once."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import Connection

from furze.capture.pipeline import Pipeline
from furze.database import Database
from furze.database.migrate import migrate
from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.queue import Batch, IngestQueue
from furze.events.types import Event, encode_events
from furze.identity import store as identity_store
from furze.identity.types import Person
from furze.kit.clock import SystemClock
from furze.kit.ids import uuid7
from furze.platform import store as platform
from furze.platform.first_start import FirstKeys, ensure_first_project
from furze.testing.postgres import fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class PowerCut(Exception):
    """The process stops here."""


@dataclass
class CutStore:
    """An event store whose process is cut off before or after it stores rows of a table."""

    store: ClickHouse
    table: str
    is_stored: bool

    async def insert(self, table: str, rows: Sequence[Mapping[str, object]], **options: Any) -> None:
        if table != self.table or self.is_stored:
            await self.store.insert(table, rows, **options)
        if table == self.table:
            raise PowerCut


@dataclass
class CutQueue:
    """A queue whose process is cut off before it lets go of a batch."""

    queue: IngestQueue

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    async def complete(self, _batch: Batch) -> None:
        raise PowerCut


@dataclass
class Bench:
    """A writer with its engines, and a project that no other test uses."""

    pipeline: Pipeline
    project: int

    async def arrive(self, events: Sequence[Event]) -> None:
        """Put events into the queue."""
        await self.pipeline.queue.append(self.project, encode_events(events), len(events))

    async def catch_up(self) -> None:
        """Move everything that waits."""
        while (await self.pipeline.queue.backlog()).events:
            await self.pipeline.move_next()

    def event(self, minute: int, name: str, distinct_id: str, **properties: object) -> Event:
        """An event with properties whose names begin with `$`."""
        at = START + timedelta(minutes=minute)
        named = {f"${key}": value for key, value in properties.items()}
        return Event(self.project, uuid7(), name, distinct_id, at, at, named)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query that sees the project only."""
        return list((await self.pipeline.store.query(sql, team_id=self.project)).rows)

    async def person(self, distinct_id: str) -> Person:
        """The person behind a distinct id."""
        get = identity_store.get_person_by_distinct_id
        person = await self.pipeline.database.read(get, self.project, distinct_id)
        assert person is not None
        return person


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    on_postgres = request.param == "postgres"
    url = fresh_database(request.getfixturevalue("postgres")) if on_postgres else f"sqlite:///{folder / 'furze.db'}"
    database = Database(url)
    migrate(database)
    await database.write(ensure_first_project, keys=FirstKeys("phx_a", "phc_a"), now=START)
    queue = IngestQueue(url if on_postgres else f"sqlite:///{folder / 'queue.db'}")
    async with EmbeddedEngine(folder / "events") as engine, queue:
        store = ClickHouse(engine.url)
        await store.ensure_schema()
        yield Pipeline(queue, database, store, SystemClock(), linger_seconds=0)
        await store.close()
    database.close()


@pytest.fixture
def bench(pipeline: Pipeline) -> Bench:
    return Bench(pipeline, pipeline.database.write_now(_new_project))


def _new_project(connection: Connection) -> int:
    first = platform.get_project(connection, 1)
    assert first is not None
    organization, name = first.organization_id, uuid7().hex
    return platform.create_project(
        connection, organization_id=organization, name=name, api_token=f"phc_{name}", now=START
    ).id


def cut_at(pipeline: Pipeline, moment: str) -> Pipeline:
    table, _, when = moment.partition(" ")
    if table == "complete":
        return replace(pipeline, queue=cast("IngestQueue", CutQueue(pipeline.queue)))
    return replace(pipeline, store=cast("ClickHouse", CutStore(pipeline.store, table, when == "after")))


MOMENTS = ["events before", "events after", "person before", "person after", "person_distinct_id after", "complete"]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_batch_cut_off_anywhere_is_stored_exactly_once(bench: Bench, moment: str) -> None:
    event = bench.event
    await bench.arrive([event(0, "view", "anon", set={"n": 1}), event(1, "view", "u1", set={"m": 1})])
    await bench.catch_up()
    second = [
        event(2, "$identify", "u1", anon_distinct_id="anon", set={"n": 2}),
        event(3, "view", "u1", set_once={"n": 7, "k": 1}),
        event(4, "$groupidentify", "u1", group_type="company", group_key="acme", group_set={"size": 1}),
    ]
    await bench.arrive(second)
    with pytest.raises((PowerCut, ExceptionGroup)):
        await cut_at(bench.pipeline, moment).move_next()
    assert (await bench.pipeline.queue.backlog()).events == 3

    await bench.catch_up()

    stored = await bench.rows("SELECT uuid, person_properties FROM events ORDER BY position")
    assert [uuid for uuid, _ in stored][2:] == [each.uuid for each in second]
    after = [json.loads(text) for _, text in stored][2:]
    assert after == [{"n": 2, "m": 1}, {"n": 2, "k": 1, "m": 1}, {"n": 2, "k": 1, "m": 1}]
    person = await bench.person("anon")
    assert person.properties == {"n": 2, "m": 1, "k": 1}
    assert set(person.distinct_ids) == {"anon", "u1"}
    mirrored = await bench.rows("SELECT id, properties FROM person FINAL WHERE is_deleted = 0")
    assert [(uuid, json.loads(text)) for uuid, text in mirrored] == [(person.uuid, person.properties)]
    ids = await bench.rows("SELECT distinct_id, person_id FROM person_distinct_id FINAL ORDER BY distinct_id")
    assert ids == [("anon", person.uuid), ("u1", person.uuid)]


async def test_a_repeated_uuid_changes_nobody_a_second_time(bench: Bench) -> None:
    first = bench.event(0, "view", "u1", set={"plan": "free"})
    await bench.arrive([first, bench.event(1, "view", "u1", set={"plan": "pro"})])
    await bench.catch_up()
    await bench.arrive([first])
    await bench.catch_up()
    assert (await bench.person("u1")).properties == {"plan": "pro"}
    assert await bench.rows("SELECT count() FROM events") == [(2,)]


async def test_a_payload_that_cannot_be_read_does_not_hold_up_the_others(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.pipeline.queue.append(bench.project, b"damaged", 3)
    await bench.arrive([bench.event(0, "view", "u1")])
    await bench.catch_up()
    assert await bench.rows("SELECT event FROM events") == [("view",)]
    assert "3 events at position" in caplog.text


async def test_persons_with_large_properties_do_not_make_an_insert_grow_without_bound(bench: Bench) -> None:
    await bench.arrive([bench.event(0, "view", "u1", set={"note": "x" * 400_000})])
    await bench.arrive([bench.event(minute, "view", "u1") for minute in range(1, 100)])
    await bench.catch_up()
    found = await bench.rows("SELECT count(), uniqExact(uuid), min(length(person_properties)) FROM events")
    assert found == [(100, 100, 400_011)]
