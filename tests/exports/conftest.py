"""What the tests of exports share: events sent through capture, runs waited for, files read back."""

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyarrow import parquet
from tests.conftest import Furze

PROJECT_KEY = "phc_test_project_key"


@dataclass
class Exporting:
    """A client's view of exports on the shared server."""

    furze: Furze

    def send(self, count: int = 3, *, event: str = "seen", **more: Any) -> set[str]:
        """Capture events; their uuids."""
        events = [
            {"event": event, "distinct_id": f"person-{number % 5}", "uuid": str(uuid4()), "properties": {"n": number}}
            | more
            for number in range(count)
        ]
        for start in range(0, count, 1000):
            body = {"api_key": PROJECT_KEY, "batch": events[start : start + 1000]}
            assert self.furze.client.post("/batch/", json=body).status_code == 200
        return {sent["uuid"] for sent in events}

    def create(self, destination: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A new export."""
        body = {"name": "test", "interval": "hour", "destination": destination} | more
        answer = self.furze.client.post(self.furze.api("batch_exports/"), json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def call(self, method: str, path: str, **more: Any) -> Any:
        """What an endpoint below `batch_exports/` answers."""
        answer = self.furze.client.request(method, self.furze.api(f"batch_exports/{path}"), **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def backfill(self, export: dict[str, Any], *, hours: int = 2, **more: Any) -> dict[str, Any]:
        """Ask for a backfill of the last hours and this one, and wait until it has ended."""
        now = datetime.now(UTC)
        body = {"start_at": (now - timedelta(hours=hours)).isoformat(), "end_at": now.isoformat()} | more
        created = self.call("POST", f"{export['id']}/backfills/", json=body)
        ended = self.ended(f"{export['id']}/backfills/{created['backfill_id']}/")
        return ended | {"errors": [run["latest_error"] for run in self.runs(export) if run["latest_error"]]}

    def ended(self, path: str, timeout: float = 90) -> dict[str, Any]:
        """A run or a backfill, once it has ended."""
        return until(lambda: _if_ended(self.call("GET", path)), timeout)

    def runs(self, export: dict[str, Any], **parameters: Any) -> list[dict[str, Any]]:
        """The runs of an export, newest first."""
        found: list[dict[str, Any]] = self.call("GET", f"{export['id']}/runs/", params=parameters)["results"]
        return found


def _if_ended(answer: dict[str, Any]) -> dict[str, Any] | None:
    return answer if answer["status"] not in ("Starting", "Running") else None


def until(ask: Callable[[], Any], timeout: float = 90) -> Any:
    """What `ask` gives once it gives something."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def uuids_in(folder: Path) -> list[str]:
    """The uuid of every row of every file below a folder, as often as it is there."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.name.endswith(".parquet"):
            found += parquet.read_table(file, columns=["uuid"]).column("uuid").to_pylist()
        elif file.name.endswith(".jsonl.gz"):
            found += [json.loads(line)["uuid"] for line in gzip.decompress(file.read_bytes()).splitlines()]
        elif file.name.endswith(".jsonl"):
            found += [json.loads(line)["uuid"] for line in file.read_bytes().splitlines()]
    return found


@pytest.fixture
def exporting(furze: Furze) -> Exporting:
    """Exports on the shared server."""
    return Exporting(furze)
