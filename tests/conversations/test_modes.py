"""Modes and their tools, lists, forms and plans; memory and the commands that begin with a slash."""

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Furze
from tests.conversations.conftest import Chat, said, serving
from tests.people.clients import Client, event, second_project

from furze.llm.types import Finished, TextDelta, Tool, ToolContext, ToolResult, Usage
from furze.testing import ScriptedModel
from furze.testing.model import calls, says


async def _run(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult("done")


ANY = {"type": "object"}
TOOLS = [
    Tool("look", "Looks.", ANY, _run, scope="query:read"),
    Tool("change", "Changes.", ANY, _run, scope="insight:write"),
    Tool("errors", "Lists errors.", ANY, _run, modes=frozenset(("error_tracking",))),
]


@pytest.fixture
def chat(tmp_path: Path, model: ScriptedModel):
    with serving(tmp_path, model, tools=TOOLS) as running:
        yield running


def at_hand(model: ScriptedModel, number: int = -1) -> set[str]:
    return {tool.name for tool in model.requests[number].tools}


def test_a_mode_brings_its_tools_and_can_be_switched_in_the_middle_of_a_turn(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.scripts += [calls("switch_mode", {"new_mode": "error_tracking"}), says("ready")]
    chat.ask("which errors?", conversation)
    assert "errors" not in at_hand(model, 0)
    assert "errors" in at_hand(model, 1)
    assert "The mode is error_tracking" in model.requests[1].system
    assert chat.get(conversation)["agent_mode"] == "error_tracking"
    chat.ask("and now?", conversation)
    assert "errors" in at_hand(model)


async def _three(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult('{"orders": 31}')


def test_a_report_of_several_parts_is_shown_and_its_numbers_come_from_tools(
    tmp_path: Path, conversation: str, model: ScriptedModel
) -> None:
    def report(number: int) -> list[Any]:
        chart = {"type": "visualization", "title": "Orders", "query": {"kind": "HogQLQuery", "query": "select 1"}}
        text = {"type": "markdown", "content": f"There were {number} orders."}
        return calls("create_notebook", {"title": "Orders", "blocks": [text, chart]})

    with serving(tmp_path, model, tools=[Tool("count", "Counts.", ANY, _three)]) as chat:
        model.scripts += [calls("count", {}), report(99), report(99), report(31), says("Here it is.")]
        events = chat.ask("report, please", conversation)
    shown = [body for name, body, _ in events if name == "message" and body["type"] == "ai/artifact"]
    assert [each["content"]["content_type"] for each in shown] == ["notebook"]
    assert [each["type"] for each in shown[0]["content"]["blocks"]] == ["markdown", "visualization"]
    assert "31 orders" in shown[0]["content"]["blocks"][0]["content"]
    refused = [body["content"] for name, body, _ in events if name == "message" and body["type"] == "tool"]
    assert ["states 99" in each for each in refused] == [False, True, True, False]


def test_a_plan_changes_nothing_until_a_person_has_approved_it(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.scripts.append(calls("finalize_plan", {"plan": "1. Look. 2. Change."}))
    events = chat.ask("plan it", conversation, agent_mode="plan")
    assert at_hand(model) >= {"look", "finalize_plan"}
    assert "change" not in at_hand(model)
    proposed = next(body for name, body, _ in events if name == "approval")
    assert "1. Look. 2. Change." in proposed["preview"]
    chat.ask(None, conversation, resume_payload={"action": "approve", "proposal_id": proposed["proposal_id"]})
    assert "change" in at_hand(model)
    assert "finalize_plan" not in at_hand(model)
    assert "The mode is execution" in model.requests[-1].system


def test_a_mode_of_a_product_that_is_not_here_has_the_tools_of_the_first(chat: Chat, model: ScriptedModel) -> None:
    chat.post("hi", agent_mode="survey")
    assert "change" in at_hand(model)


def test_a_list_of_steps_is_shown_with_the_calls_result(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    todos = [{"id": "1", "content": "look", "status": "completed"}, {"id": "2", "content": "tell", "status": "pending"}]
    model.scripts += [calls("todo_write", {"todos": todos}), says("one done")]
    events = chat.ask("go", conversation)
    shown = next(body for _, body, _ in events if body.get("type") == "tool")
    assert shown["ui_payload"] == {"todo_write": {"todos": todos}}
    assert shown["content"] == "The list has 2 steps, 1 of them done."


def test_a_form_asks_and_its_answers_come_back(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    questions = [{"id": "period", "question": "Which period?", "options": [{"value": "week"}, {"value": "month"}]}]
    model.scripts.append(calls("create_form", {"questions": questions}))
    chat.ask("report", conversation)
    chat.ask(None, conversation, resume_payload={"action": "form", "form_answers": {"period": "week"}})
    assert model.requests[-1].messages[-1].content == '{"answers":{"period":"week"}}'


def test_what_is_remembered_is_told_to_the_model_in_every_conversation(chat: Chat, model: ScriptedModel) -> None:
    first, second = "01999999-0000-7000-8000-000000000001", "01999999-0000-7000-8000-000000000002"
    assert said(chat.ask("/remember  We call orders parcels.", first))[-1] == (
        "ai",
        "I'll remember: We call orders parcels.",
    )
    assert model.requests == []
    model.scripts += [calls("manage_memories", {"fact": "Weeks begin on Monday."}), says("ok")]
    assert said(chat.ask("/remember\nDays end at noon.", first))[-1] == ("ai", "I'll remember: Days end at noon.")
    chat.ask("weeks begin on monday here", first)
    chat.ask("how many parcels?", second)
    assert "We call orders parcels.\nDays end at noon.\nWeeks begin on Monday." in model.requests[-1].system
    assert "Weeks begin on Monday." in said(chat.ask("/remember", second))[-1][1]
    assert said(chat.ask("/forget", second))[-1] == ("ai", "I remember nothing of this project any more.")
    chat.ask("and now?", second)
    assert "parcels" not in model.requests[-1].system


def test_a_memory_that_is_full_says_how_much_room_is_left(chat: Chat, conversation: str) -> None:
    chat.ask("/remember " + "x" * 9_990, conversation)
    told = said(chat.ask("/remember more than ten letters", conversation))[-1][1]
    assert told == "The memory holds 10,000 characters and has room for 9 more. Say /forget first."


def test_usage_counts_tokens_by_model(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    assert "No model has answered" in said(chat.ask("/usage", conversation))[-1][1]
    model.scripts += [[TextDelta("hi"), Finished("stop", Usage(1200, 34))]] * 2
    chat.ask("one", conversation)
    chat.ask("two", conversation)
    assert "| scripted | 2 | 2,400 | 68 |" in said(chat.ask("/usage", conversation))[-1][1]


def test_what_only_looks_like_a_command_is_asked(chat: Chat, model: ScriptedModel) -> None:
    chat.post("/pricing had how many views?")
    assert model.requests[-1].messages[-1].content == "/pricing had how many views?"


def test_init_looks_at_a_project_and_remembers_what_it_records(furze: Furze) -> None:
    client: Client = second_project(furze)
    client.capture([event("parcel sent", "ann", **{"$set": {"plan": "pro"}}), event("parcel sent", "ben")])
    body = {
        "content": "/init",
        "conversation": "01999999-0000-7000-8000-00000000000a",
        "trace_id": "01999999-0000-7000-8000-00000000000b",
    }
    answer = furze.client.post(client.path("conversations/"), json=body)
    assert "- Events: parcel sent (2)." in answer.text.replace("\\n", "\n")
    assert "- Properties of people: plan." in answer.text.replace("\\n", "\n")
