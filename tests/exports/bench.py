"""The export engine on a clock that the test turns, without HTTP and without background loops."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from furze.database import Database
from furze.database.migrate import migrate
from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.queue import IngestQueue
from furze.exports import backfills, lifecycle, run_store, store, ticker
from furze.exports.engine import BACKFILL, NOTICE, RUN, WEBHOOK, Exports
from furze.exports.types import BackfillBody, Export, ExportBody, Run
from furze.jobs import Job, JobCancelled, JobContext, Jobs, Retry
from furze.jobs import store as job_store
from furze.platform.auth import Access
from furze.platform.first_start import FirstKeys, ensure_first_project
from furze.platform.keys import new_project_token
from furze.platform.secrets import SecretBox
from furze.platform.store import create_project, get_project, get_user
from furze.testing import FakeClock


class Killed(BaseException):
    """The process is gone: nothing after this line runs, no `finally`, no clean-up that matters."""


@dataclass
class Sent:
    """An event, and the position at which it was acknowledged."""

    uuid: str
    timestamp: datetime
    position: int


@dataclass
class Bench:
    """One project and its exports."""

    engine: Exports
    clock: FakeClock
    access: Any
    sent: list[Sent] = field(default_factory=list)

    async def send(self, count: int, *, age: timedelta = timedelta()) -> None:
        """Events with a timestamp `age` ago, acknowledged now and readable at once."""
        queue, project_id = self.engine.queue, self.access.project.id
        first = await queue.append(project_id, b"", count)
        batch = await queue.next_batch(linger_seconds=0)
        rows, moment = [], self.clock.now() - age
        for number in range(count):
            event = Sent(str(uuid4()), moment + timedelta(microseconds=number), first + number)
            self.sent.append(event)
            rows.append(
                {
                    "team_id": project_id,
                    "uuid": event.uuid,
                    "event": "seen",
                    "distinct_id": "someone",
                    "person_id": UUID(int=0),
                    "timestamp": event.timestamp,
                    "created_at": self.clock.now(),
                    "position": event.position,
                    "properties": json.dumps({"n": number}),
                    "person_properties": "{}",
                    "elements_chain": "",
                    "person_created_at": self.clock.now(),
                }
            )
        await self.engine.store.insert("events", rows, deduplication_token=batch.token)
        await queue.complete(batch)

    async def export(self, destination: dict[str, Any], **more: Any) -> Export:
        """A new export."""
        body = ExportBody.model_validate({"name": "t", "interval": "hour", "destination": destination} | more)
        return await self.engine.database.write(lifecycle.create, self.engine, self.access, body)

    async def tick(self) -> None:
        """Plan what is due."""
        await ticker.tick(self.engine)

    async def backfill(self, export: Export, start: datetime, end: datetime, *, resend: bool = False) -> None:
        """Ask for a backfill."""
        body = BackfillBody(start_at=start.isoformat(), end_at=end.isoformat(), resend=resend)
        asked = backfills.asked_range(export, body, self.clock.now())
        position = await self.engine.queue.head()
        await self.engine.database.write(
            backfills.create, self.engine, export, asked, position=position, is_resend=resend
        )

    async def work(self) -> None:
        """Run jobs until none is left, each to its end; a killed one runs again."""
        for _ in range(300):
            claimed = await self._claim()
            if not claimed:
                return
            for job in claimed:
                await self._run(job)
        raise AssertionError("the jobs never end")

    async def step(self) -> None:
        """Run the jobs that are due now once."""
        for job in await self._claim():
            await self._run(job)

    async def runs(self, export: Export) -> list[Run]:
        """All runs of an export, oldest first."""
        read = self.engine.database.read
        return await read(run_store.list_runs, export.id, order="created_at", limit=10_000)

    async def reread(self, export: Export) -> Export:
        """The export as it is now."""
        found = await self.engine.database.read(store.get_export, export.project_id, export.id)
        assert found is not None
        return found

    async def _claim(self) -> list[Job]:
        far = self.clock.now() + timedelta(days=365)
        claimed, _ = await self.engine.database.write(
            job_store.claim,
            room=dict.fromkeys((RUN, BACKFILL, NOTICE, WEBHOOK), 4),
            owner="bench",
            now=far,
            lease=timedelta(days=3650),
            group_limits={},
        )
        return claimed

    async def _run(self, job: Job) -> None:
        handler, write = self.engine.jobs._handlers[job.kind], self.engine.database.write
        settle: dict[str, Any] = {"owner": "bench"}
        try:
            await handler(JobContext(job, lambda: False))
        except Retry as error:
            await write(job_store.retry_later, job, run_at=self.clock.now(), error=str(error), **settle)
        except Killed:
            await write(job_store.retry_later, job, run_at=self.clock.now(), error="killed", **settle)
        except (JobCancelled, asyncio.CancelledError):
            await write(job_store.finish, job, state="cancelled", error=None, now=self.clock.now(), **settle)
        else:
            await write(job_store.finish, job, state="done", error=None, now=self.clock.now(), **settle)


@asynccontextmanager
async def opened(folder: Path, database_url: str | None = None) -> AsyncIterator[Exports]:
    """The engines, in a folder."""
    clock = FakeClock(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
    async with AsyncExitStack() as stack:
        database = Database(database_url or f"sqlite:///{folder / 'furze.db'}")
        stack.callback(database.close)
        migrate(database)
        keys = FirstKeys("phx_bench", "phc_bench")
        await database.write(ensure_first_project, keys=keys, now=clock.now())
        server = await stack.enter_async_context(EmbeddedEngine(folder / "events"))
        events = ClickHouse(server.url)
        stack.push_async_callback(events.close)
        await events.ensure_schema()
        queue = await stack.enter_async_context(
            IngestQueue(database_url or f"sqlite:///{folder / 'queue.db'}", now=clock.now)
        )
        jobs = Jobs(database, clock)
        secrets = SecretBox(b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        engine = Exports(database, events, queue, jobs, clock, secrets, downloads=folder / "downloads")
        ticker.register(engine)
        yield engine


async def new_bench(engine: Exports) -> Bench:
    """A project of its own on the engines."""
    clock = engine.clock
    assert isinstance(clock, FakeClock)
    owner = await engine.database.read(_owner)
    project = await engine.database.write(
        create_project, organization_id=owner[1], name="p", api_token=new_project_token(), now=clock.now()
    )
    user, key = owner[0], None
    return Bench(engine, clock, Access(user, key, project))  # type: ignore[arg-type]


def _owner(connection: Any) -> Any:
    user, project = get_user(connection, 1), get_project(connection, 1)
    assert user is not None
    assert project is not None
    return user, project.organization_id
