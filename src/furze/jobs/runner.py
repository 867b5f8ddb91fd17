"""Claims due jobs and runs them on the event loop; holds their leases; retries what may pass.

A job is at all times a row. A process that dies lets its leases run out, and another process, or the same one after
its restart, runs the job again. On SQLite the process is alone on its database, so a restart takes over at once.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from furze.database import Database
from furze.jobs import store
from furze.jobs.types import Handler, Job, JobCancelled, JobContext, Retry
from furze.kit.backoff import backoff_seconds
from furze.kit.clock import Clock

log = logging.getLogger(__name__)

#: Three heartbeats: what a killed process leaves behind is taken up within ten seconds.
_LEASE = timedelta(seconds=6)
_HEARTBEAT_SECONDS = 2.0
_POLL_SECONDS = 1.0
_KEEP_FINISHED = timedelta(days=7)


class Jobs:
    """The jobs of one process.

    `register` the handlers, then `start`. `enqueue` and `request_cancel` are for the caller's own transaction; call
    `wake` after it, so that the job starts now rather than at the next poll.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._owner = uuid4().hex
        self._handlers: dict[str, Handler] = {}
        self._limits: dict[str, int] = {}
        self._group_limits: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._running_kinds: Counter[str] = Counter()
        self._cancelled: set[str] = set()
        self._wake = asyncio.Event()
        self._is_held_back = False
        self._loops: list[asyncio.Task[None]] = []

    def register(self, kind: str, handler: Handler, *, limit: int = 64, group_limit: int | None = None) -> None:
        """Let this process run jobs of a kind: `limit` at once here, `group_limit` per group over all processes."""
        self._handlers[kind] = handler
        self._limits[kind] = limit
        if group_limit is not None:
            self._group_limits[kind] = group_limit

    def enqueue(self, connection: Connection, kind: str, arguments: Mapping[str, Any], **more: Any) -> bool:
        """Add a job in the caller's transaction: `job_id`, and optionally `group` and `run_at`."""
        return store.enqueue(connection, kind=kind, arguments=dict(arguments), now=self._clock.now(), **more)

    def take(
        self, connection: Connection, kind: str, arguments: Mapping[str, Any], *, job_id: str, group: str
    ) -> Job | None:
        """Add a new job in the caller's transaction as this process's own: `run` it after that, whatever comes.

        For kinds without a limit per group. None, and a job that waits its turn, when this process has enough to do.
        """
        now = self._clock.now()
        if self._running_kinds[kind] >= self._limits[kind]:
            self.enqueue(connection, kind, arguments, job_id=job_id, group=group)
            return None
        job = Job(job_id, kind, dict(arguments), group, "running", 1, now, now)
        store.insert_taken(connection, job, owner=self._owner, until=now + _LEASE)
        return job

    def run(self, job: Job | None) -> None:
        """Start a job that `take` has given."""
        if job is None:
            self.wake()
            return
        self._running_kinds[job.kind] += 1
        self._running[job.id] = asyncio.create_task(self._run(job))

    def request_cancel(self, connection: Connection, job_id: str) -> None:
        """Ask a job to stop, in the caller's transaction."""
        store.request_cancel(connection, job_id, now=self._clock.now())

    def interrupt(self, job_id: str) -> None:
        """Stop a job of this process now, after `request_cancel`; one that runs elsewhere is told by its heartbeat."""
        task = self._running.get(job_id)
        if task is not None and job_id not in self._cancelled:
            self._cancelled.add(job_id)
            task.cancel()

    def wake(self) -> None:
        """Look for due jobs now."""
        self._wake.set()

    async def start(self) -> None:
        """Begin to run jobs."""
        if self._database.is_sqlite:
            await self._database.write(store.release_leases)
        self._loops = [asyncio.create_task(self._claim_loop()), asyncio.create_task(self._heartbeat_loop())]

    async def stop(self) -> None:
        """Stop. Jobs in progress are interrupted and go on at the next start."""
        tasks = [*self._loops, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim_loop(self) -> None:
        while True:
            self._wake.clear()
            room = {kind: limit - self._running_kinds[kind] for kind, limit in self._limits.items()}
            claimed, self._is_held_back = await self._survive(self._claim(room), ([], True))
            for job in claimed:
                self.run(job)
            # Not wait_for: before Python 3.12 it loses a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()

    async def _claim(self, room: Mapping[str, int]) -> tuple[list[Job], bool]:
        return await self._database.write(
            store.claim,
            room=room,
            owner=self._owner,
            now=self._clock.now(),
            lease=_LEASE,
            group_limits=self._group_limits,
            held=tuple(self._running),
        )

    async def _heartbeat_loop(self) -> None:
        forgotten_at = self._clock.now()
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            await self._survive(self._renew(), None)
            if self._clock.now() - forgotten_at > timedelta(hours=1):
                forgotten_at = self._clock.now()
                await self._survive(self._forget(forgotten_at - _KEEP_FINISHED), None)

    async def _forget(self, before: datetime) -> None:
        await self._database.write(store.forget_finished, before=before)

    async def _renew(self) -> None:
        running = dict(self._running)  # more may start meanwhile
        if not running:
            return
        until = self._clock.now() + _LEASE
        held = await self._database.write(store.renew, owner=self._owner, job_ids=list(running), until=until)
        for job_id, task in running.items():
            if held.get(job_id):
                self.interrupt(job_id)
            elif job_id not in held and not task.done():
                task.cancel()  # somebody else holds it now: stop, whatever it was doing

    async def _survive(self, work: Any, otherwise: Any) -> Any:
        try:
            return await work
        except Exception:
            log.exception("the job runner met an error and goes on")
            return otherwise

    async def _run(self, job: Job) -> None:
        context = JobContext(job, lambda: job.id in self._cancelled)
        try:
            await self._settle(job, await self._outcome(job, context))
        finally:
            self._running.pop(job.id, None)
            self._running_kinds[job.kind] -= 1
            self._cancelled.discard(job.id)
            if self._is_held_back:
                self.wake()

    async def _outcome(self, job: Job, context: JobContext) -> tuple[str, str | None, float]:
        try:
            await self._handlers[job.kind](context)
        except JobCancelled:
            return "cancelled", None, 0
        except asyncio.CancelledError:
            if job.id not in self._cancelled:
                raise
            return "cancelled", None, 0
        except Retry as retry:
            wait = backoff_seconds(job.attempt) if retry.after_seconds is None else retry.after_seconds
            return "waiting", str(retry), wait
        except Exception as error:
            log.exception("job %s of kind %s failed", job.id, job.kind)
            return "failed", f"{type(error).__name__}: {error}", 0
        return "done", None, 0

    async def _settle(self, job: Job, outcome: tuple[str, str | None, float]) -> None:
        state, error, wait = outcome
        now = self._clock.now()
        if state == "waiting":
            run_at = now + timedelta(seconds=wait)
            await self._database.write(store.retry_later, job, owner=self._owner, run_at=run_at, error=error or "")
        else:
            await self._database.write(store.finish, job, owner=self._owner, state=state, error=error, now=now)
