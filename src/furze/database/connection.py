"""One transaction per call, in a thread, on SQLite or PostgreSQL."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event

from furze.kit import json

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_SECONDS = 30


class Database:
    """Runs functions of the form `function(connection, …)`, each inside a transaction of its own.

    SQLite has one writer at a time, so writes queue in one thread instead of meeting in `database is locked`;
    on PostgreSQL writes use as many threads as reads.
    """

    def __init__(self, url: str, *, threads: int = 8) -> None:
        self.engine = _create_engine(url, threads)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        writers = 1 if self.is_sqlite else threads
        self._readers = ThreadPoolExecutor(threads, thread_name_prefix="database-read")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="database-write")

    async def read(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function(connection, …)` in a read transaction."""
        call = partial(self.read_now, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def write(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function(connection, …)` in a write transaction, committed when it returns."""
        call = partial(self.write_now, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._writers, call)

    def read_now(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` for a caller that is already in a thread."""
        with self.engine.connect() as connection:
            return function(connection, *args, **kwargs)

    def write_now(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write` for a caller that is already in a thread."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            return function(connection, *args, **kwargs)

    def close(self) -> None:
        """Finish what runs and let go of the connections."""
        self._readers.shutdown()
        self._writers.shutdown()
        self.engine.dispose()


def _create_engine(url: str, threads: int) -> Engine:
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = sqlalchemy.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=2 * threads,
            pool_pre_ping=True,
            json_serializer=_json_text_without_nul,
            json_deserializer=json.loads,
        )
        event.listen(engine, "connect", _prepare_postgres)
        return engine
    engine = sqlalchemy.create_engine(
        parsed,
        pool_size=threads + 2,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        json_serializer=_json_text,
        json_deserializer=json.loads,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json_text(value: object) -> str:
    return json.dumps(value).decode()


# Not after an odd number of backslashes, which would make the first of them a character of the text.
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _json_text_without_nul(value: object) -> str:
    text = _json_text(value)
    return _ESCAPED_NUL.sub("\\1\N{REPLACEMENT CHARACTER}", text) if r"\u0000" in text else text


def _prepare_postgres(connection: Any, _record: object) -> None:
    # PostgreSQL can't hold NUL: text that carries one is stored, and looked for, with a mark in its place.
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415 - the driver is needed on PostgreSQL only

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in obj else obj)

    connection.adapters.register_dumper(str, WithoutNul)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling is off: it would open a read snapshot and fail to upgrade it under load.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
