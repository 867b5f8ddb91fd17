"""A server to send events to, and a way to read what it stored."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, running

from furze.database import Database
from furze.events.clickhouse import ClickHouse
from furze.settings import Settings


@dataclass
class Site:
    """A running server with its event store."""

    url: str
    client: httpx.Client
    store: ClickHouse
    database: Database

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """The answer to a JSON body."""
        return self.client.post(path, json=body, **options)

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query of the event store."""
        return list(asyncio.run(self.store.query(sql, parameters)).rows)

    def await_rows(self, sql: str, count: int, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query, once there are `count` of them."""
        deadline = time.monotonic() + 30
        while len(rows := self.rows(sql, **parameters)) < count:
            assert time.monotonic() < deadline, f"{len(rows)} of {count} rows came: {rows!r}"
            time.sleep(0.1)
        return rows

    def ask(self, hogql: str, **values: object) -> list[list[Any]]:
        """The rows of a HogQL query, as a client gets them; `{name}` stands for a value."""
        query = {"kind": "HogQLQuery", "query": hogql, "values": values}
        headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
        answer = self.client.post(
            "/api/projects/1/query/", json={"query": query, "refresh": "force_blocking"}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        rows: list[list[Any]] = answer.json()["results"]
        return rows

    def events(self, distinct_id: str, count: int) -> list[dict[str, Any]]:
        """The first `count` events of a distinct id, once they are there, in order of time."""
        columns = "event, uuid, timestamp, properties, person_id, person_properties, person_mode, elements_chain"
        rows = self.await_rows(
            f"SELECT {columns} FROM events FINAL WHERE distinct_id = {{id:String}} ORDER BY timestamp, position",
            count,
            id=distinct_id,
        )
        return [dict(zip(columns.split(", "), row, strict=True)) for row in rows]


@contextmanager
def site(data: Path, **settings: Any) -> Iterator[Site]:
    """A server on the folder `data`."""
    server = running(Settings(data=data, personal_api_key=PERSONAL_KEY, project_api_key=PROJECT_KEY, **settings))
    with server as url, httpx.Client(base_url=url, timeout=60) as client:
        provided = server.server.config.app.state.provided
        yield Site(url, client, provided[ClickHouse], provided[Database])
