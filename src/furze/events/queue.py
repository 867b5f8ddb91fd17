"""The durable front queue: what it acknowledges is on disk, and every event has its ingest position.

Events wait here until the pipeline has moved them into the event store, in batches whose bounds are fixed before
they are used: a batch that is redone after a crash is the same batch under the same deduplication token.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from furze.events import queue_store
from furze.events.errors import QueueFull, QueueUnavailable
from furze.events.queue_store import Append, Backlog, QueuedPayload, metadata
from furze.events.writer import GroupWriter

__all__ = ["Backlog", "Batch", "IngestQueue", "QueuedPayload", "metadata"]

T = TypeVar("T")

_POLL_SECONDS = 0.5
# Whoever appends says so; this is for the caller that left before its append was on disk and could say nothing.
_IDLE_SECONDS = 2.0
_BATCH_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """The payloads of the positions [first, end)."""

    first: int
    end: int
    payloads: tuple[QueuedPayload, ...]

    @property
    def token(self) -> str:
        """What makes storing the batch twice the same as once."""
        return f"{self.first}-{self.end - 1}"


class IngestQueue:
    """A queue in the database at `url`: a SQLite file of its own, or PostgreSQL, where several servers may append.

    `now` gives the time (the machine's by default); positions and `received_at` never run backwards even if it does.
    """

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], datetime] | None = None,
        max_events: int = 5_000_000,
        max_bytes: int = 4 << 30,
        remember_for: timedelta = timedelta(days=7),
    ) -> None:
        self._engine = _create_engine(url)
        self._is_shared = self._engine.dialect.name != "sqlite"
        self._now = now or partial(datetime.now, UTC)
        self._max_events, self._max_bytes = max_events, max_bytes
        self._remember_for = remember_for
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="ingest-read")
        self._appended = asyncio.Event()
        self._completed = asyncio.Event()

    async def open(self) -> None:
        """Make the tables if need be and start to accept; raises `QueueUnavailable` if the database is away."""
        self._writer: GroupWriter[Append, int | None] = GroupWriter(self._engine, self._write_group)
        await self._writer.run(queue_store.create_tables)

    async def close(self) -> None:
        """Finish what was submitted and let go of the database."""
        await self._writer.close()
        self._readers.shutdown()
        self._engine.dispose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def append(self, project_id: int, payload: bytes, count: int) -> int:
        """Write down `count` events; returned means on disk. The first event's position; the others follow it.

        Raises `QueueFull` when too much waits already, `QueueUnavailable` when the disk or the database fails:
        nothing is accepted then, and the same call may be made again.
        """
        if count < 1:
            raise ValueError(f"count={count!r}: an append has at least one event")
        position = await self._writer.add(Append(project_id, payload, count))
        if position is None:
            raise QueueFull
        self._appended.set()
        return position

    async def next_batch(self, *, max_events: int = 10_000, linger_seconds: float = 1.0) -> Batch:
        """Wait for the next batch: `max_events` of them, or whatever is there when the oldest has waited long enough.

        The same batch comes again until it is completed. One append is never divided, so a batch of a single large
        append may be larger.
        """
        take = partial(queue_store.take_batch, max_events=max_events, max_bytes=_BATCH_BYTES)
        while True:
            self._appended.clear()
            taken = await self._writer.run(
                lambda connection: take(connection, self._now(), linger_seconds=linger_seconds)
            )
            if isinstance(taken, tuple):
                payloads = await self._read(queue_store.payloads, *taken)
                return Batch(*taken, tuple(payloads))
            if taken is None:
                await _wait(self._appended, _POLL_SECONDS if self._is_shared else _IDLE_SECONDS)
            else:
                await asyncio.sleep(taken)

    async def complete(self, batch: Batch) -> None:
        """The batch is in the event store: move the watermark over it. Raises `StaleBatch` if that has been done."""
        await self._writer.run(lambda connection: self._complete(connection, batch))
        self._completed.set()

    async def watermark(self) -> int:
        """Every event below this position can be read in the event store."""
        return await self._read(queue_store.watermark)

    async def head(self) -> int:
        """The position that the next event will have: everything acknowledged so far lies below it."""
        return await self._read(queue_store.next_position)

    async def wait_until_consumed(self, position: int, timeout: float) -> bool:
        """Whether the watermark passed the event at `position` within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._completed.clear()
                    if await self.watermark() > position:
                        return True
                    await _wait(self._completed, _POLL_SECONDS)
        return False

    async def position_at(self, instant: datetime) -> int:
        """The position of the first event acknowledged at or after `instant`: exact, and the same for ever.

        `instant` is a whole minute and not in the future, else ValueError.
        """
        if instant.second or instant.microsecond:
            raise ValueError(f"{instant.isoformat()} is not a whole minute")
        if instant > self._now():
            raise ValueError(f"{instant.isoformat()} is in the future: events may still arrive before it")
        position = await self._read(queue_store.marked_position, instant)
        if position is not None:
            return position
        return await self._writer.run(lambda connection: queue_store.fixed_position(connection, instant))

    async def find_duplicates(self, project_id: int, events: Sequence[tuple[UUID, int]]) -> set[int]:
        """Of (uuid, position) pairs, the positions whose uuid the project sent at an earlier position before.

        Remembers the pairs for `remember_for`. The same call gives the same answer, so a batch may be redone.
        """
        found: set[int] = set()
        for chunk in queue_store.chunks(events):
            found |= await self._writer.run(partial(_duplicates, project_id=project_id, events=chunk))
        return found

    async def backlog(self) -> Backlog:
        """How many events, in how many bytes, wait to be stored."""
        return await self._read(queue_store.backlog)

    def _write_group(self, connection: Connection, appends: Sequence[Append]) -> list[int | None]:
        limits = {"max_events": self._max_events, "max_bytes": self._max_bytes}
        return queue_store.append(connection, appends, self._now(), **limits)

    def _complete(self, connection: Connection, batch: Batch) -> None:
        queue_store.complete(connection, batch.first, batch.end)
        # Twice what came in: the table of seen uuids shrinks to its span without a job of its own.
        before = self._now() - self._remember_for
        queue_store.forget_seen(connection, before, at_most=2 * (batch.end - batch.first))

    async def _read(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, partial(self._read_now, function, *arguments)
        )

    def _read_now(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            with self._engine.connect() as connection:
                return function(connection, *arguments)
        except SQLAlchemyError as error:
            raise QueueUnavailable(f"The ingest queue cannot be read right now: {error}. Try again.") from error


def _duplicates(connection: Connection, project_id: int, events: Sequence[tuple[UUID, int]]) -> set[int]:
    return queue_store.duplicates(connection, project_id, events)


async def _wait(occasion: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(occasion.wait(), seconds)


def _create_engine(url: str) -> Engine:
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return sqlalchemy.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_size=3, pool_pre_ping=True)
    engine = sqlalchemy.create_engine(parsed, pool_size=3, connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in `_begin_sqlite`, not in the driver
    # FULL: each commit is synced before it is acknowledged.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={64 << 20}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
