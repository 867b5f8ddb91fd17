"""Every row of the state table: what each call answers when the conversation is missing, idle, running, canceling."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest
from tests.conversations.conftest import Chat, events_of, said, serving

from furze.conversations import store
from furze.testing import Gate, ScriptedModel
from furze.testing.model import says

Call = Callable[[Chat, str], httpx.Response]


def _message(chat: Chat, conversation: str) -> httpx.Response:
    return chat.post("more", conversation)


def _join(chat: Chat, conversation: str) -> httpx.Response:
    return chat.post(None, conversation)


def _cancel(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.patch(chat.path(conversation, "cancel"))


def _append(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.post(chat.path(conversation, "append_message"), json={"content": "note"})


def _delete(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.delete(chat.path(conversation))


def _enqueue(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.post(chat.path(conversation, "queue"), json={"content": "later"})


def _see_queue(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.get(chat.path(conversation, "queue"))


def _clear(chat: Chat, conversation: str) -> httpx.Response:
    return chat.client.post(chat.path(conversation, "queue", "clear"))


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (_join, 400),
        (_cancel, 404),
        (_append, 404),
        (_delete, 404),
        (_enqueue, 404),
        (_see_queue, 404),
        (_clear, 404),
    ],
)
def test_calls_on_a_missing_conversation(chat: Chat, conversation: str, call: Call, status: int) -> None:
    assert call(chat, conversation).status_code == status


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (_message, 200),
        (_join, 400),
        (_cancel, 200),
        (_append, 200),
        (_delete, 204),
        (_enqueue, 409),
        (_see_queue, 200),
        (_clear, 200),
    ],
)
def test_calls_on_an_idle_conversation(chat: Chat, conversation: str, call: Call, status: int) -> None:
    chat.ask("hello", conversation)
    answer = call(chat, conversation)
    assert answer.status_code == status, answer.text
    assert answer.status_code == 204 or not answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (_message, 409),
        (_cancel, 200),
        (_append, 200),
        (_delete, 204),
        (_enqueue, 200),
        (_see_queue, 200),
        (_clear, 200),
    ],
)
def test_calls_on_a_running_conversation(
    chat: Chat, conversation: str, model: ScriptedModel, call: Call, status: int
) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("done")])
    with chat.streaming("hello", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        answer = call(chat, conversation)
        gate.open()
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (_message, 409),
        (_cancel, 200),
        (_append, 200),
        (_delete, 204),
        (_enqueue, 200),
        (_see_queue, 200),
        (_clear, 200),
    ],
)
def test_calls_on_a_canceling_conversation(chat: Chat, conversation: str, call: Call, status: int) -> None:
    chat.ask("hello", conversation)
    chat.sql(store.change, UUID(conversation), status="canceling", is_queue_open=True)
    assert call(chat, conversation).status_code == status


def test_a_running_conversation_is_joined_by_an_empty_message_and_by_a_resume_whose_payload_is_dropped(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("done")])
    with chat.streaming("hello", conversation) as first:
        next(first)
        assert gate.reached.wait(5)
        with (
            chat.streaming(None, conversation) as joined,
            chat.streaming(None, conversation, resume_payload={"action": "nonsense"}) as resumed,
        ):
            next(joined), next(resumed)
            gate.open()
            seen = [said(list(events)) for events in (first, joined, resumed)]
    assert seen[0][-1] == seen[1][-1] == seen[2][-1] == ("ai", "done")


def test_the_same_message_sent_twice_joins_the_running_turn_instead_of_starting_another(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate, trace = Gate(), str(uuid4())
    model.scripts.append([gate, *says("done")])
    with chat.streaming("hello", conversation, trace_id=trace) as first:
        next(first)
        assert gate.reached.wait(5)
        with chat.streaming("hello", conversation, trace_id=trace) as again:
            next(again)
            gate.open()
            assert said(list(first)) == said(list(again)) == [("human", "hello"), ("ai", "done")]
    assert chat.messages(conversation) == [("human", "hello"), ("ai", "done")]
    assert len(model.requests) == 1


def test_the_same_message_sent_after_its_turn_ended_reads_the_answer_again(chat: Chat, conversation: str) -> None:
    trace = str(uuid4())
    first = chat.ask("hello", conversation, trace_id=trace)
    chat.ask("another", conversation)
    again = chat.ask("hello", conversation, trace_id=trace)
    assert said(again) == said(first) == [("human", "hello"), ("ai", "ok")]
    assert len(chat.messages(conversation)) == 4


def test_a_message_with_a_resume_payload_begins_a_new_conversation_without_it(chat: Chat, conversation: str) -> None:
    events = chat.ask("hello", conversation, resume_payload={"action": "approve", "proposal_id": str(uuid4())})
    assert said(events) == [("human", "hello"), ("ai", "ok")]


def test_a_resume_with_nothing_to_resume_is_refused_as_idle(chat: Chat, conversation: str) -> None:
    chat.ask("hello", conversation)
    refused = chat.post(None, conversation, resume_payload={"action": "approve"})
    assert refused.status_code == 400
    assert refused.json()["detail"] == "Cannot continue streaming from an idle conversation"


def test_a_conversation_is_renamed_by_its_owner(chat: Chat, conversation: str) -> None:
    chat.ask("hello there", conversation)
    renamed = chat.client.patch(chat.path(conversation), json={"title": " Orders of May "})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Orders of May")
    assert next(each["title"] for each in chat.client.get(chat.path()).json()["results"]) == "Orders of May"
    chat.ask("and now?", conversation)
    assert chat.get(conversation)["title"] == "Orders of May"
    for title, code in (("", "blank"), (None, "null"), ("x" * 251, "max_length")):
        refused = chat.client.patch(chat.path(conversation), json={"title": title})
        assert (refused.status_code, refused.json()["code"], refused.json()["attr"]) == (400, code, "title")
    assert chat.client.patch(chat.path(str(uuid4())), json={"title": "x"}).status_code == 404


def test_a_deleted_conversation_is_gone_and_its_id_is_burnt(chat: Chat, conversation: str) -> None:
    chat.ask("hello", conversation)
    assert _delete(chat, conversation).status_code == 204
    assert chat.client.get(chat.path(conversation)).status_code == 404
    assert _delete(chat, conversation).status_code == 404
    burnt = chat.post("hello", conversation)
    assert (burnt.status_code, burnt.json()) == (404, {"error": "Conversation does not exist"})
    assert chat.client.get(chat.path()).json()["count"] == 0


def test_research_covers_the_first_turn_only(chat: Chat, conversation: str) -> None:
    chat.ask("dig deep", conversation, agent_mode="research")
    assert chat.get(conversation)["type"] == "deep_research"
    chat.ask("and now?", conversation)
    assert chat.get(conversation)["type"] == "assistant"


def test_the_mode_sticks_until_another_is_sent(chat: Chat, conversation: str) -> None:
    chat.ask("one", conversation, agent_mode="sql")
    chat.ask("two", conversation)
    assert chat.get(conversation)["agent_mode"] == "sql"
    chat.ask("three", conversation, agent_mode="plan")
    assert chat.get(conversation)["agent_mode"] == "sql"
    chat.ask("four", conversation, agent_mode="research")
    assert chat.get(conversation)["agent_mode"] == "product_analytics"
    assert chat.get(conversation)["type"] == "assistant"


def test_updated_at_moves_when_a_turn_ends_and_not_when_a_message_is_appended(chat: Chat, conversation: str) -> None:
    chat.ask("one", conversation)
    before = chat.get(conversation)
    _append(chat, conversation)
    assert chat.get(conversation)["updated_at"] == before["updated_at"]
    chat.ask("two", conversation)
    assert chat.get(conversation)["updated_at"] > before["updated_at"]


def test_json_is_answered_at_once_and_the_turn_goes_on_without_a_reader(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("done")])
    body = chat.body("hello", conversation, ui_context={"events": []}, agent_mode="sql")
    answer = chat.client.post(chat.path(), json=body, headers={"Accept": "application/json, text/plain, */*"})
    assert answer.status_code == 201
    assert answer.json() == {
        "content": "hello",
        "conversation": conversation,
        "contextual_tools": None,
        "ui_context": {"events": []},
        "billing_context": None,
        "trace_id": body["trace_id"],
        "session_id": None,
        "agent_mode": "sql",
        "resume_payload": None,
    }
    gate.open()
    assert chat.is_idle(conversation)
    assert chat.messages(conversation) == [("human", "hello"), ("ai", "done")]
    again = chat.post("more", conversation, headers={"Accept": "application/json"})
    assert again.status_code == 200


def test_a_cancel_ends_every_reader_at_once_and_keeps_what_was_finished(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()
    model.scripts.append([*says("half")[:1], gate, *says("never")])
    with chat.streaming("hello", conversation) as first, chat.streaming(None, conversation) as second:
        next(first)
        assert gate.reached.wait(5)
        cancelled = _cancel(chat, conversation)
        assert cancelled.json()["status"] == "idle"
        assert set(cancelled.json()) == set(chat.get(conversation))
        assert gate.closed.wait(1), "the model's connection is closed"
        assert said(list(first)) == said(list(second)) == [("human", "hello")]
    assert chat.messages(conversation) == [("human", "hello")]
    assert said(chat.ask("again", conversation)) == [("human", "again"), ("ai", "ok")]


def test_a_client_that_leaves_does_not_stop_the_turn(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("done")])
    with chat.streaming("hello", conversation) as events:
        next(events)
    gate.open()
    assert chat.is_idle(conversation)
    assert chat.messages(conversation)[-1] == ("ai", "done")


def test_silence_is_filled_with_comments(tmp_path: Path, conversation: str) -> None:
    model = ScriptedModel([0.3, *says("done")])
    with serving(tmp_path, model, keepalive_seconds=0.1) as chat:
        content = chat.post("hello", conversation).content
    assert b": keepalive\n\n" in content
    assert said(events_of(content))[-1] == ("ai", "done")
