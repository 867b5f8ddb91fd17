"""The two API pages that furze was asked for: every endpoint on them, on both mounts, with the fields they print."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import Furze, both_databases

pytestmark = both_databases

MOUNTS = pytest.mark.parametrize("mount", ["environments", "projects"])

USER = {
    "id",
    "uuid",
    "distinct_id",
    "first_name",
    "last_name",
    "email",
    "is_email_verified",
    "hedgehog_config",
    "role_at_organization",
}
CONVERSATION = {
    "id",
    "status",
    "title",
    "topic",
    "user",
    "created_at",
    "updated_at",
    "type",
    "is_internal",
    "slack_thread_key",
    "slack_workspace_domain",
    "messages",
    "has_unsupported_content",
    "agent_mode",
    "is_sandbox",
    "pending_approvals",
}
CONFIG = {"id", "scope", "content", "sidebar", "created_at", "updated_at"}
PAGE = {"count", "next", "previous", "results"}
ECHO = {
    "content",
    "conversation",
    "contextual_tools",
    "ui_context",
    "billing_context",
    "trace_id",
    "session_id",
    "agent_mode",
    "resume_payload",
}


@pytest.fixture
def export(furze: Furze, tmp_path: Any) -> Iterator[str]:
    body = {
        "name": "Seed",
        "interval": "hour",
        "destination": {"type": "LocalFile", "config": {"path": str(tmp_path)}},
    }
    created = furze.client.post(furze.api("batch_exports/"), json=body)
    assert created.status_code == 201, created.text
    yield created.json()["id"]
    furze.client.delete(furze.api(f"batch_exports/{created.json()['id']}/"))


@pytest.fixture
def conversation(furze: Furze) -> str:
    """A conversation that has been answered."""
    identity = str(uuid4())
    body = {"content": "How many events were captured?", "conversation": identity, "trace_id": str(uuid4())}
    answer = furze.client.post(furze.api("conversations/"), json=body, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 201, answer.text
    return identity


def printed_curl(furze: Furze, path: str, *fields: str) -> httpx.Response:
    """The request as the page prints it: form text under a JSON content type."""
    text = "&".join(f"{field}=undefined" for field in fields)
    return furze.client.post(path, content=text, headers={"Content-Type": "application/json"})


@MOUNTS
def test_pause_and_unpause_work_with_the_printed_curl(furze: Furze, export: str, mount: str) -> None:
    for verb, paused in (("pause", True), ("unpause", False)):
        path = furze.api(f"batch_exports/{export}/{verb}/", mount)
        answer = printed_curl(furze, path, "name", "destination", "interval")
        assert (answer.status_code, answer.json()) == (200, {"paused": paused})
        assert furze.client.get(furze.api(f"batch_exports/{export}", mount)).json()["paused"] is paused


@MOUNTS
def test_the_test_steps_are_listed_and_run(furze: Furze, export: str, mount: str, tmp_path: Any) -> None:
    listed = furze.client.get(furze.api("batch_exports/test/", mount))
    assert listed.status_code == 200
    assert {"LocalFile", "S3"} <= set(listed.json())
    steps = furze.client.get(furze.api("batch_exports/test/", mount), params={"destination": "LocalFile"}).json()[
        "steps"
    ]
    ran = furze.client.post(furze.api(f"batch_exports/{export}/run_test_step/", mount), json={"step": 0})
    assert (ran.status_code, ran.json()["name"], ran.json()["result"]["status"]) == (200, steps[0]["name"], "Passed")
    body = {
        "name": "New",
        "interval": "hour",
        "destination": {"type": "LocalFile", "config": {"path": "/proc/nowhere"}},
        "step": 0,
    }
    refused = furze.client.post(furze.api("batch_exports/run_test_step_new/", mount), json=body)
    assert (refused.status_code, refused.json()["result"]["status"]) == (200, "Failed")
    assert "/proc/nowhere" in refused.json()["result"]["message"]


@MOUNTS
def test_conversations_are_listed_and_retrieved_with_every_field(furze: Furze, conversation: str, mount: str) -> None:
    listed = furze.client.get(furze.api("conversations/", mount), params={"limit": 1})
    assert (listed.status_code, set(listed.json())) == (200, PAGE)
    row = listed.json()["results"][0]
    assert set(row) >= CONVERSATION
    assert set(row["user"]) == USER
    one = furze.client.get(furze.api(f"conversations/{conversation}/", mount)).json()
    assert set(one) >= CONVERSATION
    assert (one["id"], one["status"], one["type"]) == (conversation, "idle", "assistant")
    assert one["messages"][0]["type"] == "human"


@MOUNTS
def test_a_conversation_created_as_json_echoes_the_request(furze: Furze, mount: str) -> None:
    body = {"content": "How many events were captured?", "conversation": str(uuid4()), "trace_id": str(uuid4())}
    headers = {"Accept": "application/json"}
    created = furze.client.post(furze.api("conversations/", mount), json=body, headers=headers)
    assert (created.status_code, set(created.json())) == (201, ECHO)
    assert {name: created.json()[name] for name in body} == body


@MOUNTS
def test_a_message_is_appended_and_a_conversation_cancelled(furze: Furze, conversation: str, mount: str) -> None:
    path = furze.api(f"conversations/{conversation}/append_message/", mount)
    appended = furze.client.post(path, json={"content": "A ticket was opened."})
    assert (appended.status_code, appended.json()["content"]) == (200, "A ticket was opened.")
    cancelled = furze.client.patch(
        furze.api(f"conversations/{conversation}/cancel/", mount),
        content="status=undefined",
        headers={"Content-Type": "application/json"},
    )
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "idle")
    assert set(cancelled.json()) >= CONVERSATION


@MOUNTS
def test_the_queue_answers_with_the_conversation(furze: Furze, mount: str) -> None:
    identity = str(uuid4())
    body = {"content": "How many events?", "conversation": identity, "trace_id": str(uuid4())}
    furze.client.post(furze.api("conversations/", mount), json=body, headers={"Accept": "text/event-stream"})
    queue = furze.api(f"conversations/{identity}/queue/", mount)
    read = furze.client.get(queue)
    assert (read.status_code, read.json()["messages"]) == (200, [])
    assert set(read.json()) >= CONVERSATION | {"max_queue_messages"}
    cleared = printed_curl(furze, f"{queue}clear/", "status")
    assert (cleared.status_code, cleared.json()["messages"]) == (200, [])
    for method in ("PATCH", "DELETE"):
        missing = furze.client.request(method, f"{queue}{uuid4()}/", json={"content": "x"})
        assert (missing.status_code, missing.json()) == (404, {"detail": "Queue message not found."})


@MOUNTS
def test_profile_configs_are_listed_created_and_retrieved(furze: Furze, mount: str) -> None:
    created = furze.client.post(furze.api("customer_profile_configs/", mount), json={"scope": "person"})
    assert (created.status_code, created.json()["scope"]) == (201, "person")
    assert set(created.json()) >= CONFIG
    listed = furze.client.get(furze.api("customer_profile_configs/", mount))
    assert (listed.status_code, set(listed.json())) == (200, PAGE)
    one = furze.client.get(furze.api(f"customer_profile_configs/{created.json()['id']}/", mount))
    assert (one.status_code, one.json()) == (200, created.json())


@MOUNTS
def test_a_body_that_is_read_and_is_no_json_is_refused(furze: Furze, mount: str) -> None:
    for path in ("conversations/", "customer_profile_configs/"):
        answer = printed_curl(furze, furze.api(path, mount), "content")
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
