"""Messages that wait for the running turn to end."""

import threading
from typing import Any
from uuid import uuid4

from tests.conversations.conftest import Chat, rounds, said

from furze.testing import Gate, ScriptedModel
from furze.testing.model import says

KEYS = {
    "id",
    "content",
    "created_at",
    "contextual_tools",
    "ui_context",
    "billing_context",
    "agent_mode",
    "session_id",
}


def _enqueue(chat: Chat, conversation: str, content: str, **more: Any) -> Any:
    return chat.client.post(chat.path(conversation, "queue"), json={"content": content, **more})


def test_queued_messages_are_answered_in_order_in_the_same_stream(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()
    model.scripts += [[gate, *says("first")], says("second"), says("third")]
    with chat.streaming("one", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        assert _enqueue(chat, conversation, "two").status_code == 200
        assert _enqueue(chat, conversation, "three").status_code == 200
        gate.open()
        heard = list(events)
    assert said(heard) == [
        ("human", "one"),
        ("ai", "first"),
        ("human", "two"),
        ("ai", "second"),
        ("human", "three"),
        ("ai", "third"),
    ]
    traces = [body["trace_id"] for name, body, _ in heard if body.get("type") == "human"]
    assert len(set(traces)) == 3
    assert chat.get(conversation)["status"] == "idle"


def test_the_queue_is_a_conversation_with_the_waiting_messages(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("done")])
    with chat.streaming("one", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        added = _enqueue(chat, conversation, "  two ", agent_mode="sql", billing_context="bad").json()
        shown = chat.client.get(chat.path(conversation, "queue", mount="projects")).json()
        assert added == shown
        assert shown["max_queue_messages"] == 2
        assert set(shown) == {*chat.get(conversation), "max_queue_messages"}
        message = shown["messages"][0]
        assert set(message) == KEYS
        assert (message["content"], message["agent_mode"], message["billing_context"]) == ("two", "sql", None)
        _enqueue(chat, conversation, "three")
        full = _enqueue(chat, conversation, "four")
        assert (full.status_code, full.json()) == (
            409,
            {"error": "queue_full", "detail": "Only two messages can be queued at a time."},
        )
        path = chat.path(conversation, "queue", message["id"])
        changed = chat.client.patch(path, json={"content": "2"}).json()
        assert [each["content"] for each in changed["messages"]] == ["2", "three"]
        assert chat.client.delete(path).status_code == 204
        kept = chat.client.get(chat.path(conversation, "queue")).json()["messages"]
        other = chat.path(conversation, "queue", kept[0]["id"])
        left = chat.client.delete(other, headers={"Prefer": "return=representation"})
        assert (left.status_code, left.json()["messages"], left.json()["max_queue_messages"]) == (200, [], 2)
        _enqueue(chat, conversation, "five")
        cleared = chat.client.post(chat.path(conversation, "queue", "clear"))
        assert (cleared.status_code, cleared.json()["messages"]) == (200, [])
        gate.open()
        assert said(list(events))[-1] == ("ai", "done")


def test_a_queued_message_is_moved_by_its_position(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    gate = Gate()
    model.scripts += [[gate, *says("first")], says("second"), says("third")]
    with chat.streaming("one", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        _enqueue(chat, conversation, "two")
        last = _enqueue(chat, conversation, "three").json()["messages"][-1]
        path = chat.path(conversation, "queue", last["id"])
        assert chat.client.patch(path, json={"content": "three", "position": -1}).status_code == 400
        moved = chat.client.patch(path, json={"content": "three", "position": 0}).json()["messages"]
        assert [each["content"] for each in moved] == ["three", "two"]
        beyond = chat.client.patch(path, json={"content": "three", "position": 2**63}).json()["messages"]
        assert [each["content"] for each in beyond] == ["two", "three"]
        chat.client.patch(path, json={"content": "three", "position": 0})
        gate.open()
        heard = list(events)
    assert [text for kind, text in said(heard) if kind == "human"] == ["one", "three", "two"]


def test_cancel_forgets_the_queue_and_closes_it(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    gate = Gate()
    model.scripts.append([gate, *says("never")])
    with chat.streaming("one", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        _enqueue(chat, conversation, "two")
        chat.client.patch(chat.path(conversation, "cancel"))
        assert said(list(events)) == [("human", "one")]
    assert _enqueue(chat, conversation, "three").json()["error"] == "not_running"
    assert chat.client.get(chat.path(conversation, "queue")).json()["messages"] == []


def test_a_late_message_is_either_answered_or_refused_and_never_lost(chat: Chat, model: ScriptedModel) -> None:
    for _ in range(rounds(15)):
        conversation, accepted = str(uuid4()), list[int]()

        def enqueue(conversation: str = conversation, accepted: list[int] = accepted) -> None:
            for number in range(4):
                answer = _enqueue(chat, conversation, f"late {number}")
                if answer.status_code == 200:
                    accepted.append(number)

        thread = threading.Thread(target=enqueue)
        with chat.streaming("one", conversation) as events:
            next(events)
            thread.start()
            heard = said(list(events))
        thread.join()
        assert chat.is_idle(conversation)
        assert [text for kind, text in heard if kind == "human"] == ["one", *(f"late {number}" for number in accepted)]
        assert len(heard) == 2 * (1 + len(accepted))


def test_two_messages_at_once_start_one_turn(chat: Chat, model: ScriptedModel) -> None:
    for _ in range(rounds(10)):
        conversation, codes = str(uuid4()), list[int]()

        def post(conversation: str = conversation, codes: list[int] = codes) -> None:
            codes.append(chat.post("hello", conversation).status_code)

        threads = [threading.Thread(target=post) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = [code for code in codes if code in (200, 201)]
        assert set(codes) <= {200, 201, 409}
        assert codes.count(201) == 1
        assert [kind for kind, _ in chat.messages(conversation)] == ["human", "ai"] * len(accepted)


def test_cancel_raced_with_the_end_of_the_turn_leaves_the_conversation_usable(chat: Chat) -> None:
    for _ in range(rounds(15)):
        conversation = str(uuid4())
        with chat.streaming("one", conversation) as events:
            next(events)
            assert chat.client.patch(chat.path(conversation, "cancel")).json()["status"] == "idle"
            list(events)
        kinds = [kind for kind, _ in chat.messages(conversation)]
        assert kinds in (["human"], ["human", "ai"])
        assert said(chat.ask("two", conversation)) == [("human", "two"), ("ai", "ok")]
