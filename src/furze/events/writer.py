"""One thread that owns one connection and commits for many: appends that arrive during a commit share the next one."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from furze.events.errors import QueueUnavailable

T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")
Outcome = tuple["asyncio.Future[Any]", Any]

logger = logging.getLogger(__name__)

_GROUP = 4096


class GroupWriter(Generic[Item, Answer]):
    """Runs write transactions one after another. `write_group(connection, items)` answers a group of items at once."""

    def __init__(self, engine: Engine, write_group: Callable[[Connection, Sequence[Item]], Sequence[Answer]]) -> None:
        self._engine = engine
        self._write_group = write_group
        self._inbox: queue.SimpleQueue[tuple[Any, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self._thread.start()

    async def add(self, item: Item) -> Answer:
        """The item's answer, once its group is committed."""
        answer: Answer = await self._submit(item)
        return answer

    async def run(self, function: Callable[[Connection], T]) -> T:
        """The function's result, committed, in a transaction of its own."""
        result: T = await self._submit(_Job(function))
        return result

    async def close(self) -> None:
        """Finish what was submitted, then end."""
        self._is_closed = True
        self._inbox.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _submit(self, work: object) -> "asyncio.Future[Any]":
        if self._is_closed:
            raise QueueUnavailable("The server is stopping. Try again.")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._inbox.put((work, future))
        return future

    def _run(self) -> None:
        while True:
            work = self._gather()
            group = [(item, future) for item, future in work if not isinstance(item, _Job)]
            if group:
                self._commit_group(group)
            for item, future in work:
                if isinstance(item, _Job):
                    self._settle([(future, self._transaction(item.function))])
            if self._is_closed and self._inbox.empty():
                self._disconnect()
                return

    def _gather(self) -> list[tuple[Any, "asyncio.Future[Any]"]]:
        first = self._inbox.get()
        work = [first] if first else []
        with contextlib.suppress(queue.Empty):
            while len(work) < _GROUP:
                following = self._inbox.get_nowait()
                work += [following] if following else []
        return work

    def _commit_group(self, group: Sequence[tuple[Any, "asyncio.Future[Any]"]]) -> None:
        items = [item for item, _ in group]
        answers = self._transaction(lambda connection: self._write_group(connection, items))
        futures = [future for _, future in group]
        if isinstance(answers, BaseException):
            self._settle([(future, answers) for future in futures])
        else:
            self._settle(list(zip(futures, answers, strict=True)))

    def _transaction(self, function: Callable[[Connection], T]) -> T | BaseException:
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(writes=True)
            with self._connection.begin():
                return function(self._connection)
        except SQLAlchemyError as error:
            self._disconnect()
            return _unavailable(error)
        except Exception as error:  # noqa: BLE001 -- the caller's, not ours: it travels to the caller
            return error

    def _disconnect(self) -> None:
        # After a failure nothing is assumed about the connection; the next transaction opens another.
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

    def _settle(self, outcomes: list[Outcome]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            self._loop.call_soon_threadsafe(_hand_out, outcomes)


class _Job:
    def __init__(self, function: Callable[[Connection], Any]) -> None:
        self.function = function


def _hand_out(outcomes: list[Outcome]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _unavailable(error: SQLAlchemyError) -> QueueUnavailable:
    cause = error.orig if isinstance(error, DBAPIError) else error
    logger.error("the ingest queue cannot be written: %s", cause)
    unavailable = QueueUnavailable(
        f"Events cannot be written down right now: {cause}. Nothing was accepted; try again."
    )
    unavailable.__cause__ = error
    return unavailable
