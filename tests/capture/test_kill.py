"""The real process, killed with -9 in the middle of 50,000 events and started again."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, PROJECT_KEY

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine

EVENTS, BATCH, PEOPLE, KILLS = 50_000, 250, 400, (12_000, 30_000)


@dataclass
class Server:
    """A furze process on a folder, which may be killed and started again on the same port."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it is ready."""
        keys = {"FURZE_PERSONAL_API_KEY": PERSONAL_KEY, "FURZE_PROJECT_API_KEY": PROJECT_KEY}
        command = [sys.executable, "-m", "furze", "serve", "--data", str(self.data), "--port", str(self.port)]
        log = (self.data.parent / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        with httpx.Client(base_url=self.url, timeout=5) as client:
            while not _is_ready(client):
                assert self.process.poll() is None, (self.data.parent / "server.log").read_text()[-3000:]
                assert time.monotonic() < deadline, "not ready after a minute"
                time.sleep(0.1)

    def stop(self, how: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def waiting(self) -> int:
        """How many events the queue holds."""
        with closing(sqlite3.connect(f"file:{self.data / 'queue.db'}?mode=ro", uri=True, timeout=30)) as connection:
            statement = "SELECT next_position - consumed_position FROM ingest_cursor"
            return int(connection.execute(statement).fetchone()[0])


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/_readiness").status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class Sender:
    """A client that sends each batch again until it is acknowledged, as SDKs do."""

    client: httpx.Client
    acknowledged: set[str] = field(default_factory=set)
    again: int = 0

    def send(self, batch: list[dict[str, Any]]) -> None:
        """Return once the batch is acknowledged."""
        while True:
            try:
                answer = self.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": batch})
            except httpx.TransportError:
                self.again += 1
                time.sleep(0.25)
                continue
            assert answer.status_code == 200, answer.text
            self.acknowledged.update(event["uuid"] for event in batch)
            return


@contextmanager
def server_on(data: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(data, port)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop(signal.SIGKILL)


def batches() -> Iterator[list[dict[str, Any]]]:
    for start in range(0, EVENTS, BATCH):
        yield [event(number) for number in range(start, start + BATCH)]


def event(number: int) -> dict[str, Any]:
    person = number % PEOPLE
    raw: dict[str, Any] = {"uuid": str(uuid4()), "event": "view", "distinct_id": f"anon-{person}", "properties": {}}
    if number // PEOPLE % 10 == 5:
        named = {"$anon_distinct_id": f"anon-{person}", "$set": {"number": number}}
        raw |= {"event": "$identify", "distinct_id": f"user-{person}", "properties": named}
    return raw


async def stored(data: Path) -> tuple[set[str], int, int, int]:
    async with EmbeddedEngine(data / "events") as engine:
        store = ClickHouse(engine.url)
        rows = (await store.query("SELECT toString(uuid) FROM events")).rows
        ids = "SELECT uniqExact(person_id), count() FROM person_distinct_id FINAL WHERE is_deleted = 0"
        ((people, distinct_ids),) = (await store.query(ids)).rows
        await store.close()
    found = {row[0] for row in rows}
    assert len(found) == len(rows), f"{len(rows) - len(found)} events are stored more than once"
    return found, len(rows), people, distinct_ids


@pytest.mark.journey
@pytest.mark.timeout(400)
def test_every_acknowledged_event_is_stored_once_when_the_process_is_killed_twice(tmp_path: Path) -> None:
    with server_on(tmp_path / "data") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        sender = Sender(client)
        with ThreadPoolExecutor(4) as pool:
            sending = [pool.submit(sender.send, batch) for batch in batches()]
            for kill_at in KILLS:
                while len(sender.acknowledged) < kill_at:
                    time.sleep(0.01)
                server.stop(signal.SIGKILL)
                server.start()
            for future in sending:
                future.result(120)
        deadline = time.monotonic() + 120
        while server.waiting():
            assert time.monotonic() < deadline, f"{server.waiting()} events still wait"
            time.sleep(0.2)
        server.stop(signal.SIGTERM)

    found, count, people, distinct_ids = asyncio.run(stored(tmp_path / "data"))

    assert sender.again > 0
    assert len(sender.acknowledged) == EVENTS
    assert sender.acknowledged <= found
    assert count == EVENTS
    assert (people, distinct_ids) == (PEOPLE, 2 * PEOPLE)
