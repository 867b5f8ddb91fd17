"""A client that captures events and reads them back, and a second project beside the first."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.conftest import PROJECT_KEY, Furze

from furze.database import Database
from furze.platform import store

Event = dict[str, Any]


def eventually(read: Callable[[], Any], *, seconds: float = 30) -> Any:
    """What `read` gives, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.05)
    return found


@dataclass
class Client:
    """What a client of one project can do."""

    furze: Furze
    project_id: int = 1
    token: str = PROJECT_KEY

    def path(self, path: str, mount: str = "projects") -> str:
        return f"/api/{mount}/{self.project_id}/{path}"

    def get(self, path: str, status: int = 200, **parameters: Any) -> Any:
        answer = self.furze.client.get(self.path(path), params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    def send(self, method: str, path: str, body: Any = None, status: int = 200, **parameters: Any) -> Any:
        answer = self.furze.client.request(method, self.path(path), json=body, params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def post(self, path: str, body: Any = None, status: int = 201, **parameters: Any) -> Any:
        return self.send("POST", path, body, status, **parameters)

    def query(self, hogql: str, **values: Any) -> list[list[Any]]:
        query = {"kind": "HogQLQuery", "query": hogql, "values": values}
        return self.post("query/", {"query": query, "refresh": "force_blocking"}, 200)["results"]

    def capture(self, events: Sequence[Event]) -> list[str]:
        """The uuids of events, once they can be queried, and the people and groups they speak of too."""
        uuids = [event.setdefault("uuid", str(uuid4())) for event in events]
        answer = self.furze.client.post("/batch/", json={"api_key": self.token, "batch": list(events)})
        assert answer.status_code == 200, answer.text
        wanted = ", ".join(f"'{uuid}'" for uuid in uuids)
        count = f"SELECT count() FROM events WHERE toString(uuid) IN ({wanted})"
        eventually(lambda: self.query(count)[0][0] >= len(uuids))
        eventually(lambda: self.furze.client.get("/api/instance/").json()["queued_events"] == 0)
        return uuids

    def settle(self) -> None:
        """Wait until whatever was captured has been dealt with: a deletion does, even of nobody."""
        self.post("persons/bulk_delete/", {"ids": ["nobody"]}, 202)

    def person(self, distinct_id: str) -> dict[str, Any]:
        """The person behind a distinct id, once there is one."""
        return eventually(lambda: self.get("persons/", distinct_id=distinct_id)["results"])[0]


def event(name: str, distinct_id: str, ago: timedelta = timedelta(minutes=1), **properties: Any) -> Event:
    """An event that happened some time ago."""
    at = datetime.now(UTC) - ago
    return {"event": name, "distinct_id": distinct_id, "timestamp": at.isoformat(), "properties": properties}


def second_project(furze: Furze) -> Client:
    """A new project of the same organisation."""
    token = f"phc_{uuid4().hex}"
    database = Database(furze.settings.resolved_database_url)
    try:
        first = database.read_now(store.get_project, 1)
        assert first is not None
        project = database.write_now(
            store.create_project,
            organization_id=first.organization_id,
            name="Another",
            api_token=token,
            now=datetime.now(UTC),
        )
    finally:
        database.close()
    return Client(furze, project.id, token)


NOT_FOUND = {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
