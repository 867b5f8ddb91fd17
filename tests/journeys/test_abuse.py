"""The real process under ill treatment: nothing acknowledged is lost or doubled, nothing secret is printed."""

import gzip
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2 as httpx
import pytest

from furze.testing.process import PERSONAL_KEY, PROJECT_KEY, FurzeProcess

pytestmark = [pytest.mark.journey, pytest.mark.timeout(200)]

QUERY, EVENTS, BATCH = "/api/projects/1/query/", 10_000, 200


@pytest.fixture
def furze(tmp_path: Path) -> Iterator[FurzeProcess]:
    with FurzeProcess(tmp_path / "data") as process:
        yield process


def send(furze: FurzeProcess, name: str, count: int = BATCH) -> int:
    """A batch of events, sent again until it is acknowledged; how many they are."""
    batch = [{"event": name, "distinct_id": f"p{index % 50}", "uuid": str(uuid4())} for index in range(count)]
    for _ in range(100):
        try:
            if furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": batch}).status_code == 200:
                return count
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("a batch was never acknowledged")


def counted(furze: FurzeProcess, name: str) -> tuple[int, int]:
    """How many events and how many different uuids are stored; (-1, -1) while the store can't say."""
    text = f"SELECT count(), uniqExact(uuid) FROM events WHERE event = '{name}'"
    body = {"query": {"kind": "HogQLQuery", "query": text}, "refresh": "force_blocking"}
    answer = furze.client.post(QUERY, json=body)
    if answer.status_code != 200:
        return -1, -1
    return tuple(answer.json()["results"][0])


def wait_for_count(furze: FurzeProcess, name: str, expected: int) -> None:
    until = time.monotonic() + 90
    while (found := counted(furze, name)) != (expected, expected):
        assert time.monotonic() < until, f"{found} stored of {expected}"
        assert found[0] <= expected, "an event is stored more than once"
        time.sleep(0.5)


def engine_of(furze: FurzeProcess) -> int:
    listed = subprocess.run(["pgrep", "-P", str(furze.process.pid)], capture_output=True, text=True, check=False)
    return int((listed.stdout.split() or ["0"])[0])


def test_the_event_stores_engine_may_be_killed_again_and_again(furze: FurzeProcess) -> None:
    killed = 0
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send, furze, "storm") for _ in range(EVENTS // BATCH)]
        for _ in range(4):
            time.sleep(1)
            if (engine := engine_of(furze)) > 0:
                os.kill(engine, signal.SIGKILL)
                killed += 1
        sent = sum(future.result(120) for future in sending)
    assert killed >= 2
    wait_for_count(furze, "storm", sent)


def test_told_to_stop_while_busy_it_stops_within_seconds_and_loses_nothing(furze: FurzeProcess) -> None:
    long = "SELECT count() FROM numbers(100000000) WHERE length(arrayMap(x -> cityHash64(x, number), range(99))) > 1"
    acknowledged = []

    def capture() -> None:
        for _ in range(1000):
            try:
                answer = furze.client.post("/e/", json={"api_key": PROJECT_KEY, "event": "busy", "distinct_id": "p"})
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                acknowledged.append(1)

    def ask() -> None:
        try:
            furze.client.post(QUERY, json={"query": {"kind": "HogQLQuery", "query": long}})
        except httpx.TransportError:
            pass

    with ThreadPoolExecutor(6) as pool:
        for work in (capture, capture, ask, ask):
            pool.submit(work)
        time.sleep(2)
        began = time.monotonic()
        furze.process.send_signal(signal.SIGTERM)
        furze.process.wait(30)
        took = time.monotonic() - began
    assert took < 15
    assert furze.process.returncode in (0, -signal.SIGTERM)
    furze.client.close()
    furze.restart()
    until = time.monotonic() + 60
    while counted(furze, "busy")[0] < len(acknowledged):
        assert time.monotonic() < until, f"{counted(furze, 'busy')} stored of {len(acknowledged)}"
        time.sleep(0.5)
    assert "Traceback" not in "\n".join(furze.output())


def test_a_full_disk_is_said_loses_nothing_and_passes(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("A FULL DISK IS NOT TESTED: mounting a small tmpfs needs root")
    try:
        with FurzeProcess(disk / "data") as furze:
            acknowledged = send(furze, "storm")
            fill(disk / "ballast")
            batch = [{"event": "storm", "distinct_id": "p", "properties": {"text": "x" * 500}}] * 2000
            refused = furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": batch})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert "disk is full" in refused.text
            notes = furze.client.post("/api/projects/1/insights/", json={"name": "x" * 400_000})
            assert notes.status_code == 503
            assert notes.json()["code"] == "unavailable"
            assert "disk is full" in notes.json()["detail"]

            (disk / "ballast").unlink()

            acknowledged += send(furze, "storm")
            wait_for_count(furze, "storm", acknowledged)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    block = 1 << 20
    with path.open("wb", buffering=0) as file:
        while block:
            try:
                file.write(b"x" * block)
            except OSError:
                block //= 4


def test_slow_and_leaving_clients_hold_nobody_up(furze: FurzeProcess) -> None:
    place = urlsplit(furze.url)
    slow = [socket.create_connection((place.hostname, place.port)) for _ in range(100)]
    for number, connection in enumerate(slow):
        path = "/batch/" if number % 2 else "/api/projects/1/customer_profile_configs/"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {PERSONAL_KEY}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 90000\r\n\r\n{{".encode())
    send(furze, "beside")
    for _ in range(10):
        said = {"content": "How many events?", "conversation": str(uuid4()), "trace_id": str(uuid4())}
        with furze.client.stream("POST", "/api/projects/1/conversations/", json=said) as stream:
            next(stream.iter_bytes())
    for connection in slow:
        connection.close()
    wait_for_count(furze, "beside", BATCH)
    assert "Traceback" not in "\n".join(furze.output())


def test_a_hundred_queries_at_once_are_all_answered(furze: FurzeProcess) -> None:
    def ask(number: int) -> int:
        with httpx.Client(base_url=furze.url, headers={"Authorization": f"Bearer {PERSONAL_KEY}"}, timeout=100) as one:
            return one.post(QUERY, json={"query": {"kind": "HogQLQuery", "query": f"SELECT {number}"}}).status_code

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(ask, range(100))) <= {200, 429, 503}


def test_bodies_too_large_or_that_unpack_too_large_are_refused(furze: FurzeProcess) -> None:
    bomb = gzip.compress(b" " * (200 << 20), 9)
    assert furze.client.post("/batch/", content=bomb).status_code == 413
    assert furze.client.post("/batch/", content=os.urandom(25 << 20)).status_code == 413
    deep = b'{"api_key": "%s", "event": "e", "distinct_id": "d", "properties": ' % PROJECT_KEY.encode()
    assert furze.client.post("/e/", content=deep + b"[" * 50_000 + b"]" * 50_000 + b"}").status_code == 400
    send(furze, "after")
    wait_for_count(furze, "after", BATCH)


def test_nothing_secret_is_printed(furze: FurzeProcess) -> None:
    secrets = ["phx_wrong_key_sent", "hunter2-password", "AKIA-secret-access", "phc_wrong_token", "no-such-session"]
    api = "/api/projects/1/"
    furze.client.get(api, headers={"Authorization": f"Bearer {secrets[0]}"})
    furze.client.get(f"/api/users/@me?personal_api_key={secrets[0]}", headers={"Authorization": ""})
    furze.client.get("/api/users/@me", headers={"Authorization": "", "Cookie": f"sessionid={secrets[4]}"})
    furze.client.post("/api/login", json={"token": secrets[1]})
    furze.client.post("/batch/", json={"api_key": secrets[3], "batch": [{"event": "e", "distinct_id": "d"}]})
    postgres = {"host": "127.0.0.1", "port": 1, "user": "u", "password": secrets[1], "database": "d", "schema": "s",
                "table_name": "t"}  # fmt: skip
    bucket = {"bucket_name": "b", "region": "us-east-1", "prefix": "p", "aws_access_key_id": "AKIA", "endpoint_url":
              "http://127.0.0.1:1", "aws_secret_access_key": secrets[2]}  # fmt: skip
    for kind, config in (("Postgres", postgres), ("S3", bucket)):
        export = {"name": kind, "interval": "hour", "destination": {"type": kind, "config": config}}
        made = furze.client.post(f"{api}batch_exports/", json=export)
        assert made.status_code == 201, made.text
        furze.client.post(f"{api}batch_exports/{made.json()['id']}/run_test_step", json={"step": 0})
        period = {"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-01T01:00:00Z"}
        furze.client.post(f"{api}batch_exports/{made.json()['id']}/backfills", json=period)
    time.sleep(2)
    answers = furze.client.get(f"{api}batch_exports").text
    printed = "\n".join(line for line in furze.output() if "shown this once" not in line)
    for secret in (*secrets, PERSONAL_KEY):
        assert secret not in printed
        assert secret not in answers
