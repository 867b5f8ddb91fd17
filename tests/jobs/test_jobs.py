"""Durable jobs, on both databases: run once, retried, limited, cancelled, taken over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from furze.database import Database
from furze.database.migrate import migrate
from furze.jobs import Job, JobContext, Jobs, Retry, store
from furze.testing import FakeClock
from furze.testing.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    on_postgres = request.param == "postgres"
    opened = Database(
        fresh_database(request.getfixturevalue("postgres")) if on_postgres else f"sqlite:///{tmp_path / 'furze.db'}"
    )
    migrate(opened)
    yield opened
    opened.close()


class Worker:
    """One process's jobs, with a log of what ran."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database, self.jobs = database, Jobs(database, clock)
        self.ran: list[str] = []

    def handle(self, kind: str, work: Callable[[JobContext], Awaitable[None]], **options: Any) -> None:
        async def handler(context: JobContext) -> None:
            self.ran.append(context.job.id)
            await work(context)

        self.jobs.register(kind, handler, **options)

    async def enqueue(self, job_id: str, kind: str = "work", **more: Any) -> bool:
        added = await self.database.write(self.jobs.enqueue, kind, {}, job_id=job_id, **more)
        self.jobs.wake()
        return added

    async def state(self, job_id: str) -> Job:
        job = await self.database.read(store.get_job, job_id)
        assert job is not None
        return job


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what it waits for is a row
            await asyncio.sleep(0.02)


async def nothing(_context: JobContext) -> None:
    return


@pytest.fixture
async def worker(database: Database) -> AsyncIterator[Worker]:
    made = Worker(database, FakeClock())
    yield made
    await made.jobs.stop()


async def test_a_job_enqueued_twice_runs_once(worker: Worker) -> None:
    worker.handle("work", nothing)
    await worker.jobs.start()
    assert [await worker.enqueue("a"), await worker.enqueue("a")] == [True, False]
    await until(lambda: _is(worker, "a", "done"))
    assert worker.ran == ["a"]


async def test_what_may_pass_is_tried_again_when_its_time_has_come(database: Database) -> None:
    clock = FakeClock()
    worker = Worker(database, clock)

    async def fails_once(context: JobContext) -> None:
        if context.job.attempt == 1:
            raise Retry("busy", after_seconds=60)

    worker.handle("work", fails_once)
    await worker.jobs.start()
    await worker.enqueue("a")
    await until(lambda: _is(worker, "a", "waiting", attempt=1))
    clock.advance(seconds=59)
    worker.jobs.wake()
    await asyncio.sleep(0.1)
    assert worker.ran == ["a"]
    clock.advance(seconds=2)
    worker.jobs.wake()
    await until(lambda: _is(worker, "a", "done", attempt=2))
    await worker.jobs.stop()


async def test_a_job_that_breaks_fails_and_the_others_go_on(worker: Worker) -> None:
    async def breaks(context: JobContext) -> None:
        if context.job.id == "bad":
            raise ZeroDivisionError

    worker.handle("work", breaks)
    await worker.jobs.start()
    await worker.enqueue("bad")
    await worker.enqueue("good")
    await until(lambda: _is(worker, "good", "done"))
    await until(lambda: _is(worker, "bad", "failed"))


async def test_a_group_never_exceeds_its_limit(worker: Worker) -> None:
    running, most = 0, 0

    async def overlaps(_context: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    worker.handle("work", overlaps, group_limit=2)
    await worker.jobs.start()
    for number in range(7):
        await worker.enqueue(f"job{number}", group="project-1")
    await until(lambda: _is(worker, "job6", "done"))
    assert most == 2


async def test_many_jobs_of_one_kind_leave_room_for_another(worker: Worker) -> None:
    async def endless(_context: JobContext) -> None:
        await asyncio.Event().wait()

    worker.handle("slow", endless, limit=3)
    worker.handle("quick", nothing)
    await worker.jobs.start()
    for number in range(5):
        await worker.enqueue(f"slow{number}", "slow")
    await worker.enqueue("quick", "quick")
    await until(lambda: _is(worker, "quick", "done"))
    assert [(await worker.state(f"slow{number}")).state for number in range(5)] == ["running"] * 3 + ["waiting"] * 2


async def test_a_running_job_is_interrupted_at_once_and_a_waiting_one_never_starts(worker: Worker) -> None:
    async def endless(_context: JobContext) -> None:
        await asyncio.Event().wait()

    worker.handle("work", endless, group_limit=1)
    await worker.jobs.start()
    await worker.enqueue("running")
    await until(lambda: _is(worker, "running", "running"))
    await worker.enqueue("waiting")
    for job_id in ("waiting", "running"):
        await worker.database.write(worker.jobs.request_cancel, job_id)
        worker.jobs.interrupt(job_id)
    await until(lambda: _is(worker, "running", "cancelled"))
    assert (await worker.state("waiting")).state == "cancelled"
    assert worker.ran == ["running"]


async def test_a_process_that_is_late_to_renew_a_lease_does_not_run_the_job_twice(database: Database) -> None:
    clock = FakeClock()
    worker = Worker(database, clock)
    go_on = asyncio.Event()

    async def waits(_context: JobContext) -> None:
        await go_on.wait()

    worker.handle("work", waits)
    await worker.jobs.start()
    await worker.enqueue("a")
    await until(lambda: _is(worker, "a", "running"))
    clock.advance(minutes=5)
    worker.jobs.wake()
    await asyncio.sleep(0.2)
    go_on.set()
    await until(lambda: _is(worker, "a", "done", attempt=1))
    assert worker.ran == ["a"]
    await worker.jobs.stop()


async def test_a_job_that_starts_while_leases_are_renewed_goes_on(worker: Worker) -> None:
    go_on = asyncio.Event()

    async def waits(_context: JobContext) -> None:
        await go_on.wait()

    worker.handle("work", waits)
    first, second = [
        await worker.database.write(worker.jobs.take, "work", {}, job_id=job_id, group="") for job_id in ("a", "b")
    ]
    worker.jobs.run(first)
    renewal = asyncio.create_task(worker.jobs._renew())
    await asyncio.sleep(0)
    worker.jobs.run(second)
    await renewal
    go_on.set()
    await until(lambda: _is(worker, "a", "done", attempt=1))
    await until(lambda: _is(worker, "b", "done", attempt=1))


async def test_more_jobs_than_a_process_may_run_wait_their_turn(worker: Worker) -> None:
    go_on = asyncio.Event()

    async def waits(_context: JobContext) -> None:
        await go_on.wait()

    worker.handle("work", waits, limit=1)
    for job_id in ("a", "b", "c"):
        worker.jobs.run(await worker.database.write(worker.jobs.take, "work", {}, job_id=job_id, group=""))
    await worker.jobs.start()
    await until(lambda: _is(worker, "a", "running"))
    assert [(await worker.state(each)).state for each in ("b", "c")] == ["waiting", "waiting"]
    go_on.set()
    await until(lambda: _is(worker, "c", "done", attempt=1))
    assert sorted(worker.ran) == ["a", "b", "c"]


async def test_a_job_whose_process_died_is_run_again_after_a_restart(database: Database) -> None:
    clock = FakeClock()
    dead = Worker(database, clock)
    started = asyncio.Event()

    async def hangs(_context: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    dead.handle("work", hangs)
    await dead.jobs.start()
    await dead.enqueue("a")
    await started.wait()
    await dead.jobs.stop()  # as kill -9 leaves it: the row says running, the lease is held
    assert (await dead.state("a")).state == "running"
    clock.advance(seconds=31)  # on PostgreSQL the lease runs out; on SQLite the restart alone is enough
    heir = Worker(database, clock)
    heir.handle("work", nothing)
    await heir.jobs.start()
    await until(lambda: _is(heir, "a", "done", attempt=2))
    await heir.jobs.stop()


async def _is(worker: Worker, job_id: str, state: str, attempt: int | None = None) -> bool:
    job = await worker.state(job_id)
    return job.state == state and attempt in (None, job.attempt)
