"""The event stream of a turn, byte for byte where clients depend on it."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.conversations.conftest import Chat, events_of, finals, said, serving

from furze.llm.types import Finished, TextDelta, Tool, ToolContext, ToolResult
from furze.testing import ScriptedModel
from furze.testing.model import calls, says


async def _look(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult("nothing")


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


def test_a_client_that_asks_for_deltas_is_sent_what_is_added_and_then_the_final(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    words = [f"{index} " for index in range(150)]
    steps = [step for word in words for step in (TextDelta(word), 0.001)]
    model.scripts += [[*calls("look", {})], [*steps, Finished("stop")]]
    headers = {"Accept": "text/event-stream; profile=delta"}
    response = chat.post("hi", conversation, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream; profile=delta")
    events = events_of(response.content)
    wholes = [body for name, body, _ in events if name == "message" and body["id"] == "temp-0" and body["content"]]
    added = [body["content"] for name, body, _ in events if name == "delta"]
    assert len(wholes) == 1
    assert len(added) >= 2
    assert "".join(words).startswith(wholes[0]["content"] + "".join(added))
    assert [body["content"] for name, body, _ in events if name == "message"][-1] == "".join(words)


def test_a_draft_that_is_written_again_is_sent_whole_once_more(
    tmp_path: Path, conversation: str, model: ScriptedModel
) -> None:
    draft = [TextDelta("It was "), 0.08, TextDelta("9731"), 0.08, TextDelta(" in all."), 0.08, Finished("stop")]
    mended = [TextDelta("I do "), 0.08, TextDelta("not know."), 0.08, Finished("stop")]
    model.scripts += [draft, mended]
    with serving(tmp_path, model, tools=[Tool("look", "Looks.", {"type": "object"}, _look)]) as chat:
        response = chat.post("hi", conversation, headers={"Accept": "text/event-stream; profile=delta"})
    shown: list[str] = []
    for name, body, _ in events_of(response.content):
        if name == "delta":
            shown[-1] += body["content"]
        elif name == "message" and body["type"] == "ai":
            shown.append(body["content"])
    assert shown[-1] == "I do not know."
    assert "I do not know." in shown[:-1]


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
