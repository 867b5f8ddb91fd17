"""The event store: ClickHouse over HTTP, the embedded engine and a cluster alike.

The client library's sync client runs in small thread pools. Its async client would add aiohttp and still decode rows
in the event loop, where a large result would hold up every capture.
"""

import asyncio
import io
import logging
import re
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast
from urllib.parse import urlsplit
from uuid import uuid4

import clickhouse_connect
import orjson
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error as DriverError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError, NewConnectionError

from furze.events import schema
from furze.events.errors import (
    QueryCancelled,
    QueryError,
    QueryMemoryExceeded,
    QueryTimeout,
    ResultTooLarge,
    StoreFailed,
    StoreUnavailable,
)
from furze.events.types import Limits, QueryResult
from furze.platform.errors import FurzeError

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
logger = logging.getLogger(__name__)
# The driver logs a traceback for each refused connection; what it raises says the same.
logging.getLogger("clickhouse_connect.driver._backend.http_sync").setLevel(logging.ERROR)

_TEAM_TABLES = ("events", "person", "person_distinct_id", "groups")
_IDLE_SECONDS = 3700
_STREAM_LIMITS = Limits(seconds=3600, result_rows=0)
_PLACEHOLDER = re.compile(r"\{\s*\w+\s*:")
_SERVER_MESSAGE = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)

_PINNED: dict[str, object] = {
    "session_timezone": "UTC",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_arrow_string_as_string": 1,
    "date_time_input_format": "best_effort",
}
_INSERT_SETTINGS: dict[str, object] = _PINNED | {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "distributed_foreground_insert": 1,
    # An import of old events may touch any number of months; refusing it would only block the queue.
    "max_partitions_per_insert_block": 0,
}

# ClickHouse's codes by what the asker should do; any other one is the query's fault.
_ERRORS_BY_CODE: tuple[tuple[frozenset[int], Callable[[str], FurzeError]], ...] = (
    (frozenset({159, 160}), lambda text: QueryTimeout(f"{QueryTimeout.__doc__} ({text})")),
    (frozenset({241}), lambda text: QueryMemoryExceeded(f"{QueryMemoryExceeded.__doc__} ({text})")),
    (frozenset({158, 307, 396}), lambda text: ResultTooLarge(f"{ResultTooLarge.__doc__} ({text})")),
    (frozenset({394, 734}), lambda _: QueryCancelled(str(QueryCancelled.__doc__))),
    (
        frozenset({192, 193, 194, 516}),
        lambda _: StoreUnavailable("The event store refuses our user and password. Check them in its URL."),
    ),
    (
        frozenset({3, 32, 202, 209, 210, 242, 243, 252, 279, 285, 319, 519, 733, 999}),
        lambda text: StoreUnavailable(f"The event store cannot serve this now: {text}"),
    ),
    (
        frozenset({40, 49, 74, 75, 76, 84, 107, 117, 173, 226, 228, 246, 271, 425, 432, 1000, 1001, 1002}),
        lambda text: StoreFailed(f"The event store failed: {text}"),
    ),
)


class ReadOptions(TypedDict, total=False):
    """What a read may say about itself besides its text.

    With `team_id` the store itself hides other projects' rows, whatever the text asks. `query_id` is what `kill`
    takes; `settings` go to the engine as they are.
    """

    limits: Limits | None
    team_id: int | None
    query_id: str | None
    settings: Mapping[str, object] | None


class ClickHouse:
    """Runs statements on the ClickHouse server at `url` (`http[s]://user:password@host:port/database`).

    At most `concurrency` queries run at a time, further ones wait; streams, inserts, DDL and kills have threads of
    their own and do not wait for queries. Whoever restarts the server is given `patience_seconds`.
    """

    def __init__(self, url: str, *, concurrency: int = 8, patience_seconds: float = 15.0) -> None:
        self._url = urlsplit(url)
        self.database = self._url.path.strip("/") or schema.DATABASE
        self._patience_seconds = patience_seconds
        self._is_local = self._url.hostname in {"127.0.0.1", "localhost", "::1"}
        self._queries = ThreadPoolExecutor(concurrency, thread_name_prefix="clickhouse-query")
        self._streams = ThreadPoolExecutor(8, thread_name_prefix="clickhouse-stream")
        self._inserts = ThreadPoolExecutor(4, thread_name_prefix="clickhouse-insert")
        self._commands = ThreadPoolExecutor(2, thread_name_prefix="clickhouse-command")
        self._control = ThreadPoolExecutor(2, thread_name_prefix="clickhouse-control")
        self._connections = concurrency + 24
        self._closing = threading.Event()
        self._connecting = threading.Lock()
        self._connected: Client | None = None

    async def query(
        self, sql: str, parameters: Mapping[str, object] | None = None, **options: Unpack[ReadOptions]
    ) -> QueryResult:
        """The whole result of a read. `{name:Type}` in `sql` stands for `parameters["name"]`.

        Instants come back aware, in UTC. Raises `QueryError` and its kin for the query's faults, `StoreUnavailable`
        when the store stays away; a query that loses its server is run once more. Cancelling the task kills the query.
        """
        settings = _read_settings(options, Limits())
        future = self._queries.submit(self._twice, self._query_now, sql, parameters, settings)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._control.submit(self._kill_abandoned, settings["query_id"], future)
            raise

    async def stream(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        format: str,  # noqa: A002 -- ClickHouse's own word
        **options: Unpack[ReadOptions],
    ) -> AsyncIterator[bytes]:
        """The result as the engine writes it in `format`, piece by piece; leaving the loop stops the query.

        Without `limits` it may take an hour and have any number of rows.
        """
        options["query_id"] = query_id = options.get("query_id") or str(uuid4())
        async for piece in self._pumped(self.stream_now(sql, parameters, format=format, **options), query_id):
            yield piece

    async def stream_arrow(
        self, sql: str, parameters: Mapping[str, object] | None = None, **options: Unpack[ReadOptions]
    ) -> AsyncGenerator["pa.RecordBatch"]:
        """The result as Arrow record batches, one in memory at a time; `max_block_size` in `settings` sizes them."""
        options["query_id"] = query_id = options.get("query_id") or str(uuid4())
        async for batch in self._pumped(self.stream_arrow_now(sql, parameters, **options), query_id):
            yield batch

    def stream_now(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        format: str,  # noqa: A002
        **options: Unpack[ReadOptions],
    ) -> Iterator[bytes]:
        """`stream` for a caller that is already in a thread. Close the iterator to stop early."""
        settings = _read_settings(options, _STREAM_LIMITS)
        response = self._twice(self._open_now, sql, parameters, format, settings)
        try:
            yield from _checked(response)
        finally:
            response.close()

    def stream_arrow_now(
        self, sql: str, parameters: Mapping[str, object] | None = None, **options: Unpack[ReadOptions]
    ) -> Iterator["pa.RecordBatch"]:
        """`stream_arrow` for a caller that is already in a thread."""
        from pyarrow import ipc  # noqa: PLC0415 -- 40 MB that only exports need

        if self._is_local:
            # What never leaves the machine is not worth the work of packing and unpacking it.
            options["settings"] = {"output_format_arrow_compression_method": "none", **(options.get("settings") or {})}
        pieces = cast("Any", self.stream_now(sql, parameters, format="ArrowStream", **options))
        with closing(pieces):
            yield from ipc.open_stream(io.BufferedReader(_Readable(pieces), 1 << 20))

    async def insert(
        self, table: str, rows: Sequence[Mapping[str, object]], *, deduplication_token: str | None = None
    ) -> None:
        """Store rows; returned means on disk. Absent columns take their defaults.

        A token that was used among the last thousand inserts of the table makes the call a no-op, so an insert may
        be repeated under its token. While the server is away the insert is tried again for `patience_seconds`.
        """
        if rows:
            token = deduplication_token or str(uuid4())
            await self._in_thread(self._inserts, self._insert_now, table, rows, token)

    async def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that has no result: DDL, ALTER, DELETE."""
        await self._in_thread(self._commands, self._execute_now, statement, parameters, self.database)

    async def kill(self, query_id: str) -> bool:
        """Stop a query; whether one was found."""
        return await self._in_thread(self._control, self._kill_now, query_id)

    async def health(self) -> str:
        """The server's version; raises `StoreUnavailable` if it does not answer."""
        return await self._in_thread(self._control, self._version_now)

    async def ensure_schema(self) -> None:
        """Create what is missing of the database and its tables."""
        await self._in_thread(
            self._commands, self._execute_now, f"CREATE DATABASE IF NOT EXISTS {schema.DATABASE}", None, "default"
        )
        for statement in schema.tables():
            await self.execute(statement)

    async def close(self) -> None:
        """Let go of threads and connections; running queries are not waited for."""
        self._closing.set()
        for pool in (self._queries, self._streams, self._inserts, self._commands, self._control):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._connected:
            self._connected.close()

    async def _in_thread(self, pool: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(function, *arguments))

    async def _pumped(self, items: Iterator[T], query_id: str) -> AsyncIterator[T]:
        step: Future[T | None] | None = None
        try:
            while True:
                step = self._streams.submit(next, items, None)
                item = await asyncio.shield(asyncio.wrap_future(step))
                if item is None:
                    return
                yield item
        finally:
            # The step may wait for a first row that is an hour away; the generator can be closed only after it.
            with suppress(RuntimeError):  # the pools are closed, and the server with them
                if step and not step.done():
                    self._control.submit(self._kill_abandoned, query_id, step)
                self._streams.submit(_close_after, step, cast("Any", items))

    def _client(self) -> Client:
        with self._connecting:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _connect(self) -> Client:
        client = clickhouse_connect.get_client(
            host=self._url.hostname,
            port=self._url.port or (8443 if self._url.scheme == "https" else 8123),
            username=self._url.username or "default",
            password=self._url.password or "",
            interface=self._url.scheme,
            compress=not self._is_local,
            autogenerate_session_id=False,  # a session would allow one statement at a time
            query_retries=0,
            connect_timeout=5,
            send_receive_timeout=_IDLE_SECONDS,
            pool_mgr=get_pool_manager(maxsize=self._connections, num_pools=1),
            show_clickhouse_errors="scrub",
        )
        client.database = None  # named per statement: the database may not exist yet
        return client

    def _query_now(self, sql: str, parameters: Mapping[str, object] | None, settings: dict[str, Any]) -> QueryResult:
        settings = settings | {"database": self.database}
        bound = _bound(sql, parameters)
        result = self._client().query(sql, parameters=bound, settings=settings, tz_mode="aware")
        if result.column_names:
            types = tuple(column.name for column in result.column_types)
            return QueryResult(tuple(result.column_names), types, cast("Any", result.result_rows))
        # The Native format of an empty result has no header.
        describe = f"DESCRIBE ({sql.rstrip().rstrip(';')}\n)"
        result = self._client().query(describe, parameters=bound, settings=settings | {"query_id": str(uuid4())})
        columns = [(name, kind) for name, kind, *_ in result.result_rows]
        return QueryResult(tuple(name for name, _ in columns), tuple(kind for _, kind in columns), ())

    def _open_now(self, sql: str, parameters: Mapping[str, object] | None, fmt: str, settings: dict[str, Any]) -> Any:
        settings = settings | {"database": self.database}
        return self._client().raw_stream(sql, parameters=_bound(sql, parameters), settings=settings, fmt=fmt)

    def _insert_now(self, table: str, rows: Sequence[Mapping[str, object]], token: str) -> None:
        payload = b"\n".join(map(orjson.dumps, rows))
        settings = _INSERT_SETTINGS | {"insert_deduplication_token": token, "database": self.database}
        send = partial(self._raw_insert_now, table, tuple(rows[0]), payload, settings)
        deadline, pause = time.monotonic() + self._patience_seconds, 0.1
        while True:
            try:
                return _not_the_users_fault(send)
            except StoreUnavailable as error:
                if time.monotonic() + pause > deadline or self._closing.wait(pause):
                    raise
                logger.warning("insert %s into %s again: %s", token, table, error.detail)
            pause = min(2 * pause, 2.0)

    def _raw_insert_now(self, table: str, columns: Sequence[str], payload: bytes, settings: dict[str, Any]) -> None:
        self._client().raw_insert(table, columns, payload, settings=settings, fmt="JSONEachRow")

    def _execute_now(self, statement: str, parameters: Mapping[str, object] | None, database: str) -> None:
        settings = _PINNED | {"database": database}
        run = partial(self._command_now, statement, parameters, settings)
        _not_the_users_fault(partial(self._once_reachable, run))

    def _command_now(self, statement: str, parameters: Mapping[str, object] | None, settings: dict[str, Any]) -> None:
        self._client().command(
            statement, parameters=_bound(statement, parameters), settings=settings, use_database=False
        )

    def _kill_now(self, query_id: str) -> bool:
        statement = f"KILL QUERY WHERE query_id = {schema.quote(query_id)} ASYNC"
        return bool(_translated(partial(self._client().raw_query, statement, fmt="TabSeparated")))

    def _kill_abandoned(self, query_id: str, running: Future[Any]) -> None:
        # It may not have reached the server yet when its task is cancelled.
        for _ in range(20):
            if running.cancel() or running.done():
                return
            try:
                self._kill_now(query_id)
            except FurzeError:
                logger.warning("could not kill query %s", query_id, exc_info=True)
            time.sleep(0.25)

    def _version_now(self) -> str:
        return _translated(lambda: bytes(self._client().raw_query("SELECT version()", fmt="TSVRaw"))).decode().strip()

    def _twice(self, function: Callable[..., T], *arguments: Any) -> T:
        """The function's result, tried once more if the server was lost and comes back: for reads only."""
        try:
            return _translated(partial(function, *arguments))
        except StoreUnavailable as error:
            logger.warning("a query lost the event store, waiting for it: %s", error.detail)
        self._await_server()
        return _translated(partial(function, *arguments))

    def _once_reachable(self, function: Callable[[], T]) -> T:
        try:
            return _translated(function)
        except StoreUnavailable as error:
            if not _was_never_sent(error):
                raise
        self._await_server()
        return _translated(function)

    def _await_server(self) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                self._version_now()
            except StoreUnavailable:
                if time.monotonic() > deadline or self._closing.wait(0.1):
                    raise
            else:
                return


def _read_settings(options: ReadOptions, default_limits: Limits) -> dict[str, Any]:
    """The settings a read carries: no writes, no more than its limits, only the rows of its team if one is given."""
    limits = options.get("limits") or default_limits
    settings = _PINNED | {
        "readonly": 2,
        "max_execution_time": limits.seconds,
        "timeout_overflow_mode": "throw",
        "max_memory_usage": limits.memory_bytes,
        # Grouping and sorting go to disk before they would fail.
        "max_bytes_before_external_group_by": limits.memory_bytes // 2,
        "max_bytes_before_external_sort": limits.memory_bytes // 2,
        "max_result_rows": limits.result_rows,
        "result_overflow_mode": "throw",
        "cancel_http_readonly_queries_on_client_close": 1,
    }
    team_id = options.get("team_id")
    if team_id is not None:
        fence = f"team_id = {int(team_id)}"
        settings["additional_table_filters"] = {f"{schema.DATABASE}.{table}": fence for table in _TEAM_TABLES}
    return settings | dict(options.get("settings") or {}) | {"query_id": options.get("query_id") or str(uuid4())}


class _Readable(io.RawIOBase):
    """An iterator of bytes as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _checked(response: Any) -> Iterator[bytes]:
    """The body's pieces; an error that the server wrote into it, or a body cut short, raises instead.

    One piece is held back, for the error comes last and is no data.
    """
    tag = response.headers.get("X-ClickHouse-Exception-Tag", "")
    held = b""
    try:
        for piece in response.stream(1 << 20, decode_content=True):
            if held:
                yield held
            held = piece
    except HTTPError as error:
        raise _midway_error(held) or StoreUnavailable(f"The event store broke off its answer: {error}") from error
    if tag and f"__exception__\r\n{tag}".encode() in held:
        raise _midway_error(held) or StoreFailed()
    if held:
        yield held


def _midway_error(piece: bytes) -> FurzeError | None:
    match = _SERVER_MESSAGE.search(piece[-16384:].decode(errors="replace"))
    if match is None:
        return None
    text = re.sub(r"\n\d+ \w+\r\n__exception__\r\n$", "", match.group(2))
    return server_error(int(match.group(1)), text)


def _translated(function: Callable[[], T]) -> T:
    try:
        return function()
    except DriverError as error:
        raise _typed(error) from error
    except HTTPError as error:
        raise _unreachable(error) from error


def _unreachable(error: HTTPError) -> StoreUnavailable:
    reason = getattr(error, "reason", None) or error  # the outer error's text repeats the whole URL
    return StoreUnavailable(f"The event store does not answer: {reason}")


def _typed(error: DriverError) -> FurzeError:
    code = getattr(error, "code", None)
    message = _SERVER_MESSAGE.search(str(error))
    if message:
        return server_error(code or int(message.group(1)), message.group(2))
    if isinstance(error.__cause__, HTTPError):
        return _unreachable(error.__cause__)
    if code:
        return server_error(code, str(error))
    return QueryError(str(error))


def server_error(code: int, message: str) -> FurzeError:
    """ClickHouse's error `code` as one of ours, with its message cleaned of stack traces and version."""
    text = re.sub(r"\s*\(version [^)]*\)", "", message.split("Stack trace", maxsplit=1)[0]).strip().rstrip(".")
    text = re.sub(r"^Code: \d+\. DB::Exception: ", "", text)
    text = re.sub(r"\.?\s*\([A-Z_0-9]+\)$", "", text)
    for codes, error in _ERRORS_BY_CODE:
        if code in codes:
            return error(text)
    return QueryError(text, clickhouse_code=code)


def _not_the_users_fault(function: Callable[[], T]) -> T:
    """For statements of our own making: what would be the user's fault in a query is ours here."""
    try:
        return _translated(function)
    except (QueryMemoryExceeded, QueryTimeout) as error:
        raise StoreUnavailable(f"The event store is too busy: {error.detail}") from error
    except QueryError as error:
        raise StoreFailed(f"The event store refused a statement of ours: {error.detail}") from error


def _was_never_sent(error: FurzeError) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(getattr(cause, "reason", cause), NewConnectionError):
            return True
        cause = cause.__cause__
    return False


def _bound(sql: str, parameters: Mapping[str, object] | None) -> dict[str, Any] | None:
    # Without a placeholder the client would take `%` in the statement for one of Python's.
    return dict(parameters) if parameters and _PLACEHOLDER.search(sql) else None


def _close_after(step: Future[Any] | None, items: Any) -> None:
    if step:
        wait([step])
    items.close()
