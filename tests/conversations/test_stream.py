"""The event stream of a turn, byte for byte where clients depend on it."""

import json
from uuid import uuid4

from tests.conversations.conftest import Chat, events_of, finals, said

from furze.llm.types import Finished, TextDelta
from furze.testing import ScriptedModel
from furze.testing.model import says


def test_a_new_conversation_streams_itself_the_echo_its_title_and_the_answer(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.scripts.append(says("test ", "response"))
    trace = str(uuid4())
    response = chat.post("  How many people\nvisited?  ", conversation, trace_id=trace)
    assert response.status_code == 201
    assert response.headers["content-type"].split(";")[0] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    events = finals(events_of(response.content))
    assert [name for name, _, _ in events] == ["conversation", "message", "conversation", "message"]
    assert events[0][1]["title"] is None
    human = events[1][1]
    assert human == {"content": "How many people\nvisited?", "id": human["id"], "trace_id": trace, "type": "human"}
    assert events[2][1]["title"] == "How many people visited?"
    assert events[3][1] == {"content": "test response", "id": events[3][1]["id"], "type": "ai"}
    assert [number for _, _, number in events] == [1, 2, 3, 4]


def test_each_event_is_one_block_of_ascii_json_with_sorted_keys_and_no_nulls(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.scripts.append(says("naïve 日本 \u2028 ☃"))
    raw = chat.post("Grüße", conversation).content
    assert raw.isascii()
    last = raw.decode().split("\n\n")[-2].split("\n")
    assert last[0].startswith("id: ")
    assert last[1] == "event: message"
    body = json.loads(last[2].removeprefix("data: "))
    assert last[2] == "data: " + json.dumps(body, separators=(",", ":"), sort_keys=True)
    assert body == {"content": "naïve 日本 \u2028 ☃", "id": body["id"], "type": "ai"}


def test_partials_repeat_the_whole_text_under_a_temporary_id_and_the_final_replaces_them(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.scripts.append(
        [step for index in range(150) for step in (TextDelta(f"{index} "), 0.001)] + [Finished("stop")]
    )
    events = [body for name, body, _ in chat.ask("hi", conversation) if name == "message"]
    partials = [body for body in events if body["id"] == "temp-0"]
    whole = "".join(f"{index} " for index in range(150))
    assert 2 <= len(partials) <= 25
    assert all(whole.startswith(body["content"]) for body in partials)
    assert events[-1]["content"] == whole
    assert events[-1]["id"] != "temp-0"


def test_a_second_message_continues_the_conversation_with_status_200_and_no_conversation_event(
    chat: Chat, conversation: str
) -> None:
    chat.ask("one", conversation)
    response = chat.post("two", conversation)
    assert response.status_code == 200
    assert said(events_of(response.content)) == [("human", "two"), ("ai", "ok")]
    assert all(name == "message" for name, _, _ in events_of(response.content))


def test_get_shows_every_field_of_each_message(chat: Chat, conversation: str) -> None:
    chat.ask("one", conversation)
    shown = chat.get(conversation)
    human, ai = shown["messages"]
    assert set(human) == {"content", "id", "parent_tool_call_id", "trace_id", "type", "ui_context"}
    assert human["ui_context"] is None
    assert ai["tool_calls"] is None
    assert shown["status"] == "idle"
    assert shown["agent_mode"] == "product_analytics"
