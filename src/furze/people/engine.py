"""What the slice works with, and the one way in which it changes people and groups."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from furze.database import Database
from furze.events.clickhouse import ClickHouse
from furze.events.queue import IngestQueue
from furze.jobs import Jobs
from furze.kit.clock import Clock
from furze.people.types import Touched

P = ParamSpec("P")
T = TypeVar("T")

#: The kind of job that brings changes of people and groups to the event store.
MIRROR = "people.mirror"

#: Answers a query of any kind for a project: `await ask(1, {"kind": "HogQLQuery", "query": "…"})`.
Ask = Callable[[int, dict[str, Any]], Awaitable[dict[str, Any]]]

#: How long a deletion waits for events that were acknowledged before it and are still on their way.
_CATCH_UP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class People:
    """The database that holds people and groups, the event store that mirrors them, and the queue before both.

    `turn` is the writer's turn: whoever holds it is the only one who changes people and groups, the pipeline included.
    `forget_facts` lets queries know that what a project defines has changed.
    """

    database: Database
    store: ClickHouse
    queue: IngestQueue
    jobs: Jobs
    clock: Clock
    ask: Ask
    turn: asyncio.Lock
    forget_facts: Callable[[int], None]

    async def change(
        self, function: Callable[Concatenate[Connection, P], tuple[T, Touched]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `function(connection, …)` answers, once its change and the job that mirrors it are committed.

        The job is part of the same transaction: a crash at any moment loses both or neither.
        """

        def change(connection: Connection) -> T:
            answer, touched = function(connection, *args, **kwargs)
            if not touched.is_empty:
                self.jobs.enqueue(connection, MIRROR, touched.wire(), job_id=f"{MIRROR}/{uuid4().hex}")
            return answer

        async with self.turn:
            answer = await self.database.write(change)
        self.jobs.wake()
        return answer

    async def caught_up(self) -> int:
        """The queue's head, once what lies below it has become events and people (or after some seconds)."""
        head = await self.queue.head()
        if head:
            await self.queue.wait_until_consumed(head - 1, _CATCH_UP_SECONDS)
        return head

    async def rows(
        self,
        project_id: int,
        hogql: str,
        values: Mapping[str, Any] | None = None,
        properties: list[dict[str, Any]] | None = None,
    ) -> list[list[Any]]:
        """The rows of a HogQL text. `values` fill its placeholders, `properties` are the filters of `{filters}`."""
        query: dict[str, Any] = {"kind": "HogQLQuery", "query": hogql, "values": dict(values or {})}
        if "{filters}" in hogql:
            query["filters"] = {"properties": properties or []}
        answer = await self.ask(project_id, query)
        rows: list[list[Any]] = answer["results"]
        return rows

    def now(self) -> datetime:
        """The current instant."""
        return self.clock.now()
