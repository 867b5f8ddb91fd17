"""A server that is killed in the middle of a run goes on at its next start, and its files hold each event once."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.exports.conftest import until, uuids_in
from tests.exports.test_postgres import config_of, rows_of

from furze.testing.postgres import fresh_database

EVENTS = 20_000
KEY, TOKEN = "phx_kill_key", "phc_kill_token"

pytestmark = pytest.mark.journey


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(data: Path, port: int) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "furze", "serve", "--data", str(data), "--port", str(port)]
    environment = os.environ | {"FURZE_PERSONAL_API_KEY": KEY, "FURZE_PROJECT_API_KEY": TOKEN}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        try:
            until(lambda: ready(client, server), 60)
            yield client, server
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
                server.wait(30)


def ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None
    try:
        return client.get("/_readiness").status_code == 200
    except httpx.TransportError:
        return False


def send(client: httpx.Client, count: int) -> set[str]:
    uuids = [str(uuid4()) for _ in range(count)]
    for start in range(0, count, 5000):
        batch = [
            {"event": "e", "distinct_id": "d", "uuid": uuid, "properties": {"filler": uuid * 24}}
            for uuid in uuids[start : start + 5000]
        ]
        assert client.post("/batch/", json={"api_key": TOKEN, "batch": batch}).status_code == 200
    return set(uuids)


def writing(folder: Path) -> bool:
    return any(file.stat().st_size > 500_000 for file in folder.rglob("*.part"))


def call(client: httpx.Client, method: str, path: str, **more: Any) -> Any:
    answer = client.request(method, f"/api/projects/1/batch_exports/{path}", **more)
    assert answer.status_code < 300, answer.text
    return answer.json()


def killed_and_restarted(
    data: Path, destination: dict[str, Any], is_writing: Callable[[], bool], seen: Callable[[], list[str]]
) -> set[str]:
    """Kill a server while it writes to a destination, start it again, wait for the end; the uuids that were sent."""
    port = free_port()
    with served(data, port) as (client, server):
        sent = send(client, EVENTS)
        export = call(client, "POST", "", json={"name": "t", "interval": "hour", "destination": destination})["id"]
        now = datetime.now(UTC)
        asked = {"start_at": (now - timedelta(hours=1)).isoformat(), "end_at": now.isoformat()}
        backfill = call(client, "POST", f"{export}/backfills/", json=asked)["backfill_id"]
        until(is_writing, 60)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert seen() == [], "what was half written is seen"
    with served(data, port) as (client, _):
        ended = until(lambda: if_ended(call(client, "GET", f"{export}/backfills/{backfill}/")), 90)
        assert ended["status"] == "Completed"
        runs = call(client, "GET", f"{export}/runs/")["results"]
        assert max(run["attempt"] for run in runs) >= 2
    return sent


def test_a_run_that_dies_in_the_middle_of_a_copy_goes_on_after_the_restart(tmp_path: Path, postgres: str) -> None:
    database = fresh_database(postgres)
    copying = "SELECT count(*) FROM pg_stat_progress_copy WHERE bytes_processed > 500000"

    def seen() -> list[str]:
        is_there = rows_of(database, "SELECT to_regclass('events') IS NOT NULL")[0][0]
        return [row[0] for row in rows_of(database, "SELECT uuid FROM events")] if is_there else []

    destination = {"type": "Postgres", "config": config_of(database)}
    sent = killed_and_restarted(tmp_path, destination, lambda: rows_of(database, copying)[0][0] > 0, seen)
    assert len(seen()) == len(sent)
    assert set(seen()) == sent


def test_a_run_that_dies_half_way_goes_on_after_the_restart(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    config = {"path": str(folder), "file_format": "Parquet", "max_file_size_mb": 4, "compression": None}
    destination = {"type": "LocalFile", "config": config}
    sent = killed_and_restarted(tmp_path / "data", destination, lambda: writing(folder), lambda: uuids_in(folder))
    found = uuids_in(folder)
    assert len(found) == len(sent)
    assert set(found) == sent
    assert list(folder.rglob("*.part")) == []


def if_ended(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["status"] not in ("Starting", "Running") else None
