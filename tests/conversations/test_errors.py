"""The exact refusals: what clients match on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conversations.conftest import COLLEAGUE_KEY, READER_KEY, Chat, serving

from furze.conversations.types import HOSTED_RATES, HOSTED_RESEARCH_RATES, Limits
from furze.testing import FakeClock, Gate, ScriptedModel
from furze.testing.model import says

ID = "7f3e6a52-9f0d-4a57-a0ee-4d1d3f5c9d01"
GOOD = {"content": "hi", "conversation": ID, "trace_id": ID}


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    with serving(tmp_path_factory.mktemp("errors")) as running:
        yield running


def _error(code: str, attr: str | None, detail: str, kind: str = "validation_error") -> dict[str, Any]:
    return {"type": kind, "code": code, "detail": detail, "attr": attr}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"content": ...}, _error("required", "content", "This field is required.")),
        ({"conversation": ...}, _error("required", "conversation", "This field is required.")),
        ({"trace_id": ...}, _error("required", "trace_id", "This field is required.")),
        ({"content": ""}, _error("blank", "content", "This field may not be blank.")),
        ({"content": "  \n"}, _error("blank", "content", "This field may not be blank.")),
        (
            {"content": "x" * 40_001},
            _error("max_length", "content", "Ensure this field has no more than 40000 characters."),
        ),
        ({"content": "a\x00b"}, _error("null_characters_not_allowed", "content", "Null characters are not allowed.")),
        ({"content": ["a"]}, _error("invalid_input", "content", "Not a valid string.")),
        ({"content": True}, _error("invalid_input", "content", "Not a valid string.")),
        ({"conversation": "zz"}, _error("invalid_input", "conversation", "Must be a valid UUID.")),
        ({"trace_id": "zz"}, _error("invalid_input", "trace_id", "Must be a valid UUID.")),
        ({"conversation": None}, _error("null", "conversation", "This field may not be null.")),
        ({"contextual_tools": None}, _error("null", "contextual_tools", "This field may not be null.")),
        ({"ui_context": None}, _error("null", "ui_context", "This field may not be null.")),
        ({"agent_mode": None}, _error("null", "agent_mode", "This field may not be null.")),
        (
            {"contextual_tools": []},
            _error("not_a_dict", "contextual_tools", 'Expected a dictionary of items but got type "list".'),
        ),
        (
            {"contextual_tools": {"search": None}},
            _error("null", "contextual_tools__search", "This field may not be null."),
        ),
        ({"agent_mode": "zz"}, _error("invalid_choice", "agent_mode", '"zz" is not a valid choice.')),
        ({"ui_context": {"dashboards": "no"}}, _error("invalid_input", None, "Invalid message content.")),
        (
            {"is_sandbox": True},
            _error("invalid_input", None, "Sandbox conversations must be opened via the open endpoint."),
        ),
        ({"content": "", "trace_id": "zz"}, _error("blank", "content", "This field may not be blank.")),
    ],
)
def test_a_bad_field_is_named_in_the_words_clients_know(
    chat: Chat, change: dict[str, Any], error: dict[str, Any]
) -> None:
    body = {name: value for name, value in {**GOOD, **change}.items() if value is not ...}
    answer = chat.client.post(chat.path(), json=body)
    assert (answer.status_code, answer.json()) == (400, error)
    assert chat.client.post(chat.path(), json={**GOOD, "content": None}).json() == {
        "error": "Cannot stream from non-existent conversation"
    }, "a refused message creates nothing"


@pytest.mark.parametrize(
    "more",
    [
        {"content": 17},
        {"conversation": uuid4().hex},
        {"billing_context": "nonsense"},
        {"billing_context": {"spend_history": [{}] * 21}},
        {"session_id": None},
        {"conversation": 12345678901234567890},
        {"content": "x" * 40_000},
    ],
)
def test_what_is_odd_but_allowed_is_answered(chat: Chat, more: dict[str, Any]) -> None:
    body = {"content": "hi", "conversation": str(uuid4()), "trace_id": str(uuid4()), **more}
    assert chat.client.post(chat.path(), json=body).status_code == 201


def test_an_unreadable_body_and_a_list_are_refused(chat: Chat) -> None:
    broken = chat.client.post(chat.path(), content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["type"], broken.json()["code"], broken.json()["attr"]) == (
        400,
        "invalid_request",
        "parse_error",
        None,
    )
    listed = chat.client.post(chat.path(), json=[])
    assert (listed.status_code, listed.json()) == (
        400,
        _error("invalid_input", None, "Invalid data. Expected a dictionary, but got list."),
    )


def test_a_message_while_the_assistant_works_conflicts(tmp_path: Path, conversation: str) -> None:
    gate = Gate()
    with serving(tmp_path, ScriptedModel([gate, *says("done")])) as chat, chat.streaming("one", conversation) as events:
        next(events)
        answer = chat.post("two", conversation)
        gate.open()
    assert (answer.status_code, answer.json()) == (
        409,
        _error("conflict", None, "Cannot resume streaming with a new message", "server_error"),
    )


def test_an_idle_conversation_has_nothing_to_continue(chat: Chat, conversation: str) -> None:
    chat.ask("hi", conversation)
    answer = chat.post(None, conversation)
    assert (answer.status_code, answer.json()) == (
        400,
        _error("invalid_input", None, "Cannot continue streaming from an idle conversation"),
    )


def test_three_answers_for_what_is_not_yours(chat: Chat, conversation: str) -> None:
    chat.ask("hi", conversation)
    other = chat.as_user(COLLEAGUE_KEY)
    not_yours = {"error": "Cannot access other users' conversations"}
    assert other.get(conversation)["id"] == conversation, "a member of the project who knows the id may read it"
    assert (other.client.get(other.path()).json()["count"], other.post("mine?", conversation).status_code) == (0, 400)
    assert other.post("mine?", conversation).json() == not_yours
    queue = other.client.get(other.path(conversation, "queue"))
    assert (queue.status_code, queue.json()) == (403, not_yours)
    for call in (
        other.client.patch(other.path(conversation, "cancel")),
        other.client.post(other.path(conversation, "append_message"), json={"content": "x"}),
        other.client.delete(other.path(conversation)),
    ):
        assert (call.status_code, call.json()["detail"]) == (404, "Not found.")
    elsewhere = chat.client.get(chat.path(conversation, project=2))
    assert elsewhere.status_code == 404
    assert chat.client.get(chat.path(conversation, "queue", project=2)).status_code == 403
    body = chat.body("hi", conversation)
    assert chat.client.post(chat.path(project=2), json=body).json() == not_yours


def test_unknown_queue_rows_and_conversations_have_their_own_bodies(chat: Chat, conversation: str) -> None:
    missing = chat.client.get(chat.path(conversation, "queue"))
    assert (missing.status_code, missing.json()) == (404, {"error": "Conversation not found"})
    chat.ask("hi", conversation)
    unknown = chat.client.delete(chat.path(conversation, "queue", str(uuid4())))
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Queue message not found."})
    changed = chat.client.patch(chat.path(conversation, "queue", str(uuid4())), json={"content": "x"})
    assert (changed.status_code, changed.json()) == (404, {"detail": "Queue message not found."})
    closed = chat.client.post(chat.path(conversation, "queue"), json={"content": "x"})
    assert (closed.status_code, closed.json()["error"]) == (409, "not_running")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "GET"])
def test_clear_takes_post_only(chat: Chat, conversation: str, method: str) -> None:
    chat.ask("hi", conversation)
    assert chat.client.request(method, chat.path(conversation, "queue", "clear")).status_code == 405


def test_a_reader_may_read_and_not_write(chat: Chat, conversation: str) -> None:
    chat.ask("hi", conversation)
    reader = chat.as_user(READER_KEY)
    assert reader.get(conversation)["id"] == conversation
    assert reader.client.get(reader.path(conversation, "queue")).status_code == 200
    for call in (
        reader.post("no", conversation),
        reader.client.patch(reader.path(conversation, "cancel")),
        reader.client.post(reader.path(conversation, "queue", "clear")),
        reader.client.delete(reader.path(conversation)),
    ):
        assert call.status_code == 403
        assert "conversation:write" in call.json()["detail"]
    nobody = chat.client.get(chat.path(), headers={"Authorization": ""})
    assert nobody.status_code == 401


def test_there_are_no_sandboxes_to_open(chat: Chat, conversation: str) -> None:
    chat.ask("hi", conversation)
    answer = chat.client.post(chat.path(conversation, "open"))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "This conversation is not on the sandbox runtime.",
    )


def test_append_message_takes_ten_thousand_characters(chat: Chat, conversation: str) -> None:
    chat.ask("hi", conversation)
    path = chat.path(conversation, "append_message")
    added = chat.client.post(path, json={"content": " " + "x" * 10_000})
    assert added.status_code == 200
    assert added.json() == {"id": added.json()["id"], "content": "x" * 10_000}
    assert chat.messages(conversation)[-1] == ("ai", "x" * 10_000)
    too_long = chat.client.post(path, json={"content": "x" * 10_001})
    assert too_long.json()["detail"] == "Ensure this field has no more than 10000 characters."


def test_the_eleventh_request_in_a_minute_waits_whatever_its_body(tmp_path: Path, conversation: str) -> None:
    clock = FakeClock()
    limits = Limits(rates=HOSTED_RATES, research_rates=HOSTED_RESEARCH_RATES)
    with serving(tmp_path, limits=limits, clock=clock) as chat:
        clock.advance(seconds=15)
        for _ in range(10):
            assert chat.client.post(chat.path(), json={"content": "hi"}).status_code == 400
        clock.advance(seconds=17.5)
        throttled = chat.client.post(chat.path(), json={"content": "hi"})
        assert throttled.status_code == 429
        assert throttled.headers["retry-after"] == "43"
        assert throttled.json() == _error(
            "throttled",
            None,
            "You've reached PostHog AI's usage limit for the moment. Please try again in 42 seconds. "
            "Expected available in 43 seconds.",
            "throttled_error",
        )
        assert chat.post("x", conversation, agent_mode="research").status_code == 201, "counted separately"
        clock.advance(seconds=60)
        assert chat.post("x", str(uuid4())).status_code == 201


def test_research_is_limited_in_its_own_words(tmp_path: Path) -> None:
    clock = FakeClock()
    with serving(tmp_path, limits=Limits(research_rates=HOSTED_RESEARCH_RATES), clock=clock) as chat:
        for _ in range(3):
            assert chat.post("x", str(uuid4()), agent_mode="research").status_code == 201
        throttled = chat.post("x", str(uuid4()), agent_mode="research")
    assert throttled.status_code == 429
    assert throttled.json()["detail"].startswith(
        "You've reached the usage limit for Research mode, which is currently in beta with limited capacity."
    )


def test_a_process_with_too_many_open_streams_asks_to_come_back(tmp_path: Path, conversation: str) -> None:
    gate = Gate()
    with (
        serving(tmp_path, ScriptedModel([gate, *says("done")]), limits=Limits(open_streams=1)) as chat,
        chat.streaming("one", conversation) as events,
    ):
        next(events)
        answer = chat.post("two", str(uuid4()))
        gate.open()
    assert (answer.status_code, answer.content) == (503, b"")
    assert 15 <= int(answer.headers["retry-after"]) <= 44
