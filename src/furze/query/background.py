"""Queries in the background: started, looked at, cancelled; and queries that end when their caller leaves."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

from furze.events.errors import QueryCancelled
from furze.kit.clock import Clock
from furze.platform.errors import FurzeError
from furze.query.types import Answer, QueryStatus

T = TypeVar("T")

_KEPT: Final = timedelta(minutes=10)
_MOST: Final = 1_000


class BackgroundQueries:
    """The queries of this process that run on their own, and the answers nobody has fetched yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._statuses: dict[tuple[int, str], QueryStatus] = {}
        self._tasks: dict[tuple[int, str], asyncio.Task[Any]] = {}

    def start(self, project_id: int, query_id: str | None, work: Awaitable[Answer]) -> QueryStatus:
        """Run `work` in the background."""
        self._forget_old()
        now = self._clock.now()
        status = QueryStatus(query_id or str(uuid4()), project_id, now, expiration_time=now + _KEPT)
        key = (project_id, status.id)
        self._statuses[key] = status
        self._follow(key, asyncio.create_task(self._finish(status, work), name=f"query {status.id}"))
        return status

    async def attended(self, project_id: int, query_id: str | None, work: Awaitable[T]) -> T:
        """The result of `work`, which `cancel` can end by its id."""
        if query_id is None:
            return await work
        task = asyncio.ensure_future(work)
        self._follow((project_id, query_id), task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise QueryCancelled("The query was cancelled.") from None
            task.cancel()
            raise

    def status(self, project_id: int, query_id: str) -> QueryStatus | None:
        """How far a query is."""
        return self._statuses.get((project_id, query_id))

    def cancel(self, project_id: int, query_id: str) -> bool:
        """Stop a query; whether it was known."""
        key = (project_id, query_id)
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()
        known = task is not None or key in self._statuses
        self._statuses.pop(key, None)
        return known

    async def stop(self) -> None:
        """Stop all queries."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, key: tuple[int, str], task: asyncio.Future[Any]) -> None:
        self._tasks[key] = task  # type: ignore[assignment]
        task.add_done_callback(lambda _done: self._tasks.pop(key, None))

    async def _finish(self, status: QueryStatus, work: Awaitable[Answer]) -> None:
        try:
            status.results = await work
        except FurzeError as error:
            status.error, status.error_message, status.error_status = True, error.detail, error.status
        except asyncio.CancelledError:
            status.error, status.error_message, status.error_status = True, "The query was cancelled.", 400
            raise
        except Exception:
            status.error, status.error_message, status.error_status = True, FurzeError.__doc__, 500
            raise
        finally:
            status.complete, status.end_time = True, self._clock.now()

    def _forget_old(self) -> None:
        now = self._clock.now()
        old = [key for key, status in self._statuses.items() if status.expiration_time and status.expiration_time < now]
        overflow = list(self._statuses)[: max(0, len(self._statuses) - _MOST)]
        for key in {*old, *overflow} - self._tasks.keys():
            self._statuses.pop(key, None)
