"""The embedded event store: one engine child process, started, watched and replaced by its supervisor.

async with EmbeddedEngine(path) as engine:
    store = ClickHouse(engine.url)
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

_START_SECONDS = 120.0  # a store of hundreds of gigabytes loads its parts before it answers
_STOP_SECONDS = 6.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_STEADY_SECONDS = 30.0
_PINGS = 3


class EngineStartError(Exception):
    """The event store's engine did not start."""


class StoreLocked(EngineStartError):
    """Another process has the event store open."""


class StoreCorrupt(EngineStartError):
    """The engine cannot read the event store."""


class EmbeddedEngine:
    """Runs the engine over the store in `path` for as long as it is entered.

    The child is pinged every second. One that exits is replaced at once; one that leaves three pings unanswered, each
    for a third of `deadline_seconds`, is killed first. Port and password, and so `url`, stay the same over restarts.
    """

    def __init__(
        self,
        path: Path,
        *,
        memory_bytes: int = 2 << 30,
        deadline_seconds: float = 10.0,
        ping_seconds: float = 1.0,
    ) -> None:
        self.path = path
        self.restarts = 0
        self._memory_bytes = memory_bytes
        self._deadline_seconds = deadline_seconds
        self._ping_seconds = ping_seconds
        self._password = secrets.token_urlsafe(24)
        self._port = 0
        self._process: Process | None = None
        self._messages: deque[str] = deque(maxlen=40)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where and as whom to connect: `http://furze:password@127.0.0.1:port/furze`."""
        return f"http://furze:{self._password}@127.0.0.1:{self._port}/furze"

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Return when the engine answers; raises `EngineStartError`, `StoreLocked` or `StoreCorrupt`."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._spawn()
        self._keep(self._supervise(), "engine-supervisor")

    async def stop(self) -> None:
        """End the child: SIGTERM, then SIGKILL after a few seconds. Safe to call twice."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        process, self._process = self._process, None
        if process:
            await _end(process)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _keep(self, coroutine: "asyncio._CoroutineLike[None]", name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _spawn(self) -> None:
        self._messages.clear()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "furze.events.engine"),
            *("--path", str(self.path), "--port", str(self._port), "--memory-bytes", str(self._memory_bytes)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=os.environ | {"FURZE_ENGINE_PASSWORD": self._password},
            start_new_session=True,  # a terminal's Ctrl-C is for the server, which then stops the child in order
        )
        reader = self._keep(self._read_messages(process), "engine-messages")
        try:
            ready = await asyncio.wait_for(_ready(process), _START_SECONDS)
        except BaseException:
            _kill(process)
            raise
        if "port" not in ready:
            await process.wait()
            await reader
            raise _start_error(self.path, ready.get("error", ""), list(self._messages))
        self._port, self._process = int(ready["port"]), process
        if ready["broken_parts"]:
            logger.warning(
                "the event store in %s has %s unreadable data parts, set aside under `detached`: their events are "
                "missing from results; restore a backup or look at system.detached_parts",
                self.path,
                ready["broken_parts"],
            )

    async def _read_messages(self, process: Process) -> None:
        if process.stderr:
            async for line in process.stderr:
                text = line.decode(errors="replace").rstrip()
                self._messages.append(text)
                logger.debug("engine: %s", text)

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE
        while self._process:
            started = time.monotonic()
            why = await self._watch(self._process)
            if time.monotonic() - started > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            logger.error(
                "the event store's engine %s; starting it again", why, extra={"messages": list(self._messages)}
            )
            while not await self._respawned():
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            self.restarts += 1

    async def _respawned(self) -> bool:
        try:
            await self._spawn()
        except (EngineStartError, OSError, TimeoutError) as error:
            logger.error("the event store's engine did not start: %s", error)  # noqa: TRY400 -- the message is whole
            return False
        return True

    async def _watch(self, process: Process) -> str:
        """Return why the child is no longer of use, when it is not; it is dead by then."""
        exited = asyncio.ensure_future(process.wait())
        failures = 0
        try:
            # Counted in pings, not by the clock: a server that was itself held up must not kill a healthy child.
            while failures < _PINGS:
                await asyncio.wait({exited}, timeout=self._ping_seconds)
                if exited.done():
                    return f"exited with status {exited.result()}"
                answered = await _ping(self._port, self._deadline_seconds / _PINGS)
                failures = 0 if answered else failures + 1
            _kill(process)
            await exited
            return f"did not answer {_PINGS} pings in a row and was killed"
        finally:
            exited.cancel()


async def _ready(process: Process) -> dict[str, str]:
    line = await process.stdout.readline() if process.stdout else b""
    return dict(json.loads(line)) if line else {}


async def _ping(port: int, seconds: float) -> bool:
    """Whether the engine answers a query; a failed one counts, for only silence shows that it is stuck."""
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
            return (await reader.read(12)).startswith(b"HTTP/1.1")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer:
            writer.close()


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _start_error(path: Path, error: str, messages: list[str]) -> EngineStartError:
    text = "\n".join([*messages, error]).strip() or "it ended without a word"
    if "Cannot lock file" in text:
        return StoreLocked(
            f"The event store in {str(path)!r} is open in another process. Stop that process (perhaps another furze "
            f"serve), or give this one a data directory of its own."
        )
    if "Address already in use" in text:
        return EngineStartError(f"The engine's port is taken by another process: {text}")
    if "No module named" in text:
        return EngineStartError(f"The engine is not installed: {text}. Install furze with chdb-core.")
    return StoreCorrupt(
        f"The engine cannot open the event store in {str(path)!r}: {text[:2000]}\nIf the disk is full or the directory "
        f"not writable, mend that; else restore the directory from a backup, or move it away to start empty."
    )
