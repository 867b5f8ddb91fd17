"""What becomes of the events of a project that is deleted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.capture.site import Site, site
from tests.conftest import PERSONAL_KEY, PROJECT_KEY

from furze.testing.postgres import fresh_database

TABLES = ("events", "person", "person_distinct_id", "groups")
KEY = {"Authorization": f"Bearer {PERSONAL_KEY}"}


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = fresh_database(request.getfixturevalue("postgres")) if request.param == "postgres" else None
    with site(tmp_path / "data", database_url=url) as made:
        yield made


def send(server: Site, token: str, distinct_id: str) -> int:
    events: list[dict[str, Any]] = [
        {"event": "seen", "distinct_id": distinct_id, "properties": {"$set": {"a": 1}}},
        {
            "event": "$groupidentify",
            "distinct_id": distinct_id,
            "properties": {"$group_type": "company", "$group_key": "x", "$group_set": {"a": 1}},
        },
    ]
    return server.post("/batch/", {"api_key": token, "batch": events}).status_code


def stored(server: Site, project_id: int) -> dict[str, int]:
    counted = "SELECT count() FROM {} WHERE team_id = {{id:Int64}}"
    return {table: server.rows(counted.format(table), id=project_id)[0][0] for table in TABLES}


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def test_they_are_erased_and_those_that_still_come_hold_nobody_up(server: Site) -> None:
    """Capture knows the token for some seconds more."""
    gone = server.post("/api/projects/", {}, headers=KEY).json()
    assert send(server, gone["api_token"], "ada") == 200
    wait_for(lambda: all(stored(server, gone["id"]).values()))
    assert send(server, gone["api_token"], "bob") == 200
    assert server.client.delete(f"/api/projects/{gone['id']}/", headers=KEY).status_code == 204
    assert send(server, gone["api_token"], "eve") == 200
    assert send(server, PROJECT_KEY, "ada") == 200
    wait_for(lambda: all(stored(server, 1).values()))
    wait_for(lambda: not any(stored(server, gone["id"]).values()))
    wait_for(lambda: send(server, gone["api_token"], "eve") == 401)
    assert not any(stored(server, gone["id"]).values())
    assert all(stored(server, 1).values())
