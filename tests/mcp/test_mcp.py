"""The project's tools as another assistant's client sees them: the SDK's own, over HTTP, against a whole server."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from mcp.client.streamable_http import streamable_http_client
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, Furze
from tests.people.clients import second_project

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.platform import store
from furze.platform.keys import hash_key, mask_key, new_personal_key
from furze.platform.types import PersonalApiKey
from mcp import Client

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def session(furze: Furze, do: Callable[[Client], Any], *, key: str = PERSONAL_KEY, mode: str = "auto", **headers: str):
    """What `do` gives, with a client that has connected."""

    async def run() -> Any:
        http = httpx.AsyncClient(headers={"Authorization": f"Bearer {key}", **headers}, timeout=60)
        async with http, Client(streamable_http_client(f"{furze.url}/mcp", http_client=http), mode=mode) as client:
            return await do(client)

    return asyncio.run(run())


def call(furze: Furze, name: str, arguments: dict[str, Any], **options: Any) -> tuple[bool, str]:
    result = session(furze, lambda client: client.call_tool(name, arguments), **options)
    [content] = result.content
    return result.is_error, content.text


def names(furze: Furze, **options: Any) -> dict[str, Any]:
    found = session(furze, lambda client: client.list_tools(), **options)
    return {each.name: each for each in found.tools}


@pytest.fixture
def key_with(furze: Furze) -> Callable[..., str]:
    """Makes a key of the first user's with these scopes."""

    def make(*scopes: str) -> str:
        value, now = new_personal_key(), SystemClock().now()
        key = PersonalApiKey(value[-8:], 1, "mcp", mask_key(value), scopes, (), (), now, None, None)
        database = Database(furze.settings.resolved_database_url)
        database.write_now(store.create_key, key=key, secure_value=hash_key(value))
        database.close()
        return value

    return make


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_counts_events_with_sql(furze: Furze, unique: str, mode: str) -> None:
    event = {"event": unique, "distinct_id": "ada", "properties": {}}
    furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": [event] * 3}).raise_for_status()
    query = {"query": f"select event, count() from events where event = '{unique}' group by event"}
    deadline = time.monotonic() + 60
    found: list[Any] = []
    while found != [[unique, 3]] and time.monotonic() < deadline:
        is_error, text = call(furze, "execute_sql", query, mode=mode)
        assert not is_error, text
        found = json.loads(text)["results"]
    assert found == [[unique, 3]]


def test_tools_say_whether_they_change_anything(furze: Furze) -> None:
    found = names(furze)
    assert found["read_taxonomy"].annotations.read_only_hint
    assert found["pause_batch_export"].annotations.destructive_hint
    assert found["execute_sql"].input_schema["required"] == ["query"]


def test_a_key_sees_and_calls_what_its_scopes_allow(furze: Furze, key_with) -> None:
    reader = key_with("query:read", "batch_export:read")
    assert {"execute_sql", "list_batch_exports"} <= names(furze, key=reader).keys()
    assert "pause_batch_export" not in names(furze, key=reader)
    is_error, text = call(furze, "pause_batch_export", {"export": "x"}, key=reader)
    assert (is_error, text) == (True, "The key lacks the scope 'batch_export:write' that pause_batch_export needs.")


def test_a_writing_tool_does_what_it_says_when_the_key_may_write(furze: Furze, unique: str, tmp_path) -> None:
    body = {
        "name": unique,
        "interval": "day",
        "destination": {"type": "LocalFile", "config": {"path": str(tmp_path)}},
    }
    made = furze.client.post(furze.api("batch_exports/"), json=body).json()
    is_error, text = call(furze, "pause_batch_export", {"export": unique})
    assert (is_error, json.loads(text)) == (False, {"export": unique, "paused": True})
    assert furze.client.get(furze.api(f"batch_exports/{made['id']}/")).json()["paused"]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("no_such_tool", {}, "There is no tool 'no_such_tool'. The tools are read_taxonomy"),
        ("execute_sql", {"query": 7}, "arguments.query must be string, not int"),
        ("execute_sql", {}, "arguments.query is missing"),
        ("execute_sql", {"query": "select nothing from nowhere"}, "execute_sql failed: "),
    ],
)
def test_what_goes_wrong_is_an_error_that_a_model_can_act_on(furze: Furze, name, arguments, told) -> None:
    is_error, text = call(furze, name, arguments)
    assert is_error
    assert told in text


def test_the_project_is_named_by_a_header_or_is_the_key_s_current_one(furze: Furze) -> None:
    empty = second_project(furze)
    query = {"query": "select count() from events"}
    _, text = call(furze, "execute_sql", query, **{"x-posthog-project-id": str(empty.project_id)})
    assert json.loads(text)["results"] == [[0]]
    assert names(furze).keys() == names(furze, **{"x-posthog-project-id": "1"}).keys()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer phx_wrong"}, 401),
        ({"Authorization": f"Bearer {PERSONAL_KEY}", "x-posthog-project-id": "987654"}, 404),
    ],
)
def test_a_stranger_is_told_so(furze: Furze, headers: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{furze.url}/mcp", json=INITIALIZE, headers={**ACCEPT, **headers})
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert (answer.headers.get("www-authenticate") == "Bearer") == (status == 401)


def test_there_is_no_stream_to_get_and_no_session_to_delete(furze: Furze) -> None:
    assert furze.client.get("/mcp").status_code == 405
    assert furze.client.delete("/mcp/").status_code == 405
    assert furze.client.post("/mcp/", json=INITIALIZE, headers=ACCEPT).status_code == 200


def test_a_server_that_nobody_asks_does_not_load_the_protocol() -> None:
    program = "import sys, furze.server; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
