"""Dangerous tool calls wait for a person; forms wait for their answers."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.conversations.conftest import Chat, finals, rounds, said, serving

from furze.conversations.approvals import form_answers
from furze.llm.types import Finished, Tool, ToolCall, ToolContext, ToolResult
from furze.testing import ScriptedModel
from furze.testing.model import calls, says

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Shredder:
    """A dangerous tool that counts its runs."""

    def __init__(self) -> None:
        self.shredded: list[str] = []

    async def run(self, arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
        self.shredded.append(arguments["name"])
        return ToolResult(f"shredded {arguments['name']}")

    def tool(self) -> Tool:
        return Tool(
            "shred",
            "Shreds.",
            SCHEMA,
            self.run,
            is_dangerous=lambda arguments: arguments["name"] != "draft",
            preview=lambda arguments: f"Shred **{arguments['name']}**",
            repeatable=False,
        )


async def _ask_form(_arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    answers = form_answers(context)
    return ToolResult("dismissed" if answers is None else f"answered {answers['color']}")


FORM = Tool("create_form", "Asks.", {"type": "object"}, _ask_form)


@pytest.fixture
def shredder() -> Shredder:
    return Shredder()


@pytest.fixture
def chat(tmp_path: Path, model: ScriptedModel, shredder: Shredder) -> Iterator[Chat]:
    with serving(tmp_path, model, tools=[shredder.tool(), FORM]) as running:
        yield running


def _pending(chat: Chat, conversation: str, model: ScriptedModel, name: str = "books") -> dict[str, Any]:
    model.scripts.append(calls("shred", {"name": name}))
    events = chat.ask("shred it", conversation)
    approvals = [body for event, body, _ in events if event == "approval"]
    assert len(approvals) == 1
    return approvals[0]


def _decide(chat: Chat, conversation: str, approval: dict[str, Any], action: str, **more: Any) -> Any:
    payload = {"action": action, "proposal_id": approval["proposal_id"], **more}
    return chat.ask(None, conversation, resume_payload=payload)


def test_a_dangerous_call_ends_the_turn_idle_with_a_pending_approval(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    approval = _pending(chat, conversation, model)
    assert approval["decision_status"] == "pending"
    assert approval["tool_name"] == "shred"
    assert approval["preview"] == "Shred **books**"
    assert approval["payload"] == {"name": "books"}
    assert approval["original_tool_call_id"] == "call-1"
    shown = chat.get(conversation)
    assert shown["status"] == "idle"
    assert shown["pending_approvals"] == [approval]
    assert shown["messages"][-1]["id"] == approval["message_id"]
    assert shredder.shredded == []


def test_an_approved_call_runs_and_the_turn_goes_on(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    approval = _pending(chat, conversation, model)
    model.scripts.append(says("Done."))
    events = _decide(chat, conversation, approval, "approve")
    assert said(events) == [("tool", "shredded books"), ("ai", "Done.")]
    assert shredder.shredded == ["books"]
    assert chat.get(conversation)["pending_approvals"][0]["decision_status"] == "approved"


def test_edited_arguments_replace_the_model_s_when_they_fit_the_schema(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    _decide(chat, conversation, _pending(chat, conversation, model), "approve", payload={"name": "magazines"})
    model.scripts.append(calls("shred", {"name": "maps"}, call_id="call-2"))
    events = chat.ask("more", conversation)
    approval = next(body for event, body, _ in events if event == "approval")
    _decide(chat, conversation, approval, "approve", payload={"name": 7})
    assert shredder.shredded == ["magazines", "maps"]


def test_a_rejected_call_tells_the_model_why(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    approval = _pending(chat, conversation, model)
    model.scripts.append(says("I see."))
    events = _decide(chat, conversation, approval, "reject", feedback="I need them")
    assert "I need them" in said(events)[0][1]
    assert shredder.shredded == []
    assert chat.get(conversation)["pending_approvals"][0]["decision_status"] == "rejected"


def test_a_message_with_a_rejection_answers_the_call_and_is_heard_in_the_same_turn(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    approval = _pending(chat, conversation, model)
    model.scripts.append(says("Fine."))
    payload = {"action": "reject", "proposal_id": approval["proposal_id"], "feedback": "no, keep them"}
    events = chat.ask("no, keep them", conversation, resume_payload=payload)
    assert [kind for kind, _ in said(events)] == ["human", "tool", "ai"]
    last = model.requests[-1].messages
    assert [each.role for each in last] == ["user", "assistant", "tool", "user"]


def test_a_call_that_is_left_behind_is_rejected_and_blocks_nothing(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    approval = _pending(chat, conversation, model)
    model.scripts.append(says("Other things."))
    assert said(chat.ask("something else", conversation)) == [("human", "something else"), ("ai", "Other things.")]
    assert chat.get(conversation)["pending_approvals"][0]["decision_status"] == "auto_rejected"
    late = chat.post(None, conversation, resume_payload={"action": "approve", "proposal_id": approval["proposal_id"]})
    assert late.status_code == 409
    assert shredder.shredded == []


def test_cancel_resolves_what_waits(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    _pending(chat, conversation, model)
    cancelled = chat.client.patch(chat.path(conversation, "cancel")).json()
    assert cancelled["pending_approvals"][0]["decision_status"] == "auto_rejected"
    assert said(chat.ask("go on", conversation))[-1] == ("ai", "ok")


def test_decisions_must_name_a_proposal_of_the_conversation_and_are_made_once(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    approval = _pending(chat, conversation, model)
    for payload in ({"action": "approve", "proposal_id": str(uuid4())}, {"action": "explode"}, "approve", {}):
        refused = chat.post(None, conversation, resume_payload=payload)
        assert (refused.status_code, refused.json()["attr"]) == (400, "resume_payload")
    first = _decide(chat, conversation, approval, "approve")
    again = _decide(chat, conversation, approval, "approve")
    assert said(again) == said(first), "the same decision again reads the same stream"
    payload = {"action": "reject", "proposal_id": approval["proposal_id"]}
    assert chat.post(None, conversation, resume_payload=payload).status_code == 409
    assert shredder.shredded == ["books"]


def test_two_dangerous_calls_of_one_answer_are_decided_one_by_one(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    both = [ToolCall("a", "shred", {"name": "one"}), ToolCall("b", "shred", {"name": "two"}), Finished("tool_calls")]
    model.scripts.append(both)
    events = chat.ask("shred both", conversation)
    first, second = (body for event, body, _ in events if event == "approval")
    assert said(_decide(chat, conversation, first, "approve"))[0][1].startswith("shredded")
    assert chat.get(conversation)["status"] == "idle"
    model.scripts.append(says("Both handled."))
    assert said(_decide(chat, conversation, second, "reject"))[-1] == ("ai", "Both handled.")
    assert len(shredder.shredded) == 1


def test_a_harmless_call_of_a_dangerous_tool_runs_at_once(
    chat: Chat, conversation: str, model: ScriptedModel, shredder: Shredder
) -> None:
    model.scripts.append(calls("shred", {"name": "draft"}))
    chat.ask("shred the draft", conversation)
    assert shredder.shredded == ["draft"]


def test_two_people_or_tabs_decide_at_the_same_time_and_the_tool_runs_once(
    chat: Chat, model: ScriptedModel, shredder: Shredder
) -> None:
    for round_number in range(rounds(12)):
        conversation = str(uuid4())
        approval = _pending(chat, conversation, model, name=f"pile {round_number}")
        codes: list[int] = []

        def decide(action: str, conversation: str = conversation, approval: Any = approval, codes: Any = codes) -> None:
            payload = {"action": action, "proposal_id": approval["proposal_id"]}
            codes.append(chat.post(None, conversation, resume_payload=payload).status_code)

        threads = [threading.Thread(target=decide, args=(action,)) for action in ("approve", "reject", "approve")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert chat.is_idle(conversation)
        status = chat.get(conversation)["pending_approvals"][0]["decision_status"]
        runs = shredder.shredded.count(f"pile {round_number}")
        assert runs == (1 if status == "approved" else 0)
        assert 200 in codes


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ({"action": "form", "form_answers": {"color": "red"}}, "answered red"),
        ({"action": "dismiss_form"}, "dismissed"),
    ],
)
def test_a_form_waits_and_its_answers_become_the_tool_s_result(
    chat: Chat, conversation: str, model: ScriptedModel, payload: dict[str, Any], result: str
) -> None:
    model.scripts.append(calls("create_form", {"questions": []}))
    events = chat.ask("help", conversation)
    assert [event for event, _, _ in finals(events) if event == "approval"] == []
    assert chat.get(conversation)["status"] == "idle"
    assert chat.get(conversation)["pending_approvals"] == []
    assert said(chat.ask(None, conversation, resume_payload=payload)) == [("tool", result), ("ai", "ok")]


def test_a_pending_approval_clears_the_queue_and_closes_it(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    from furze.testing import Gate  # noqa: PLC0415

    gate = Gate()
    model.scripts.append([gate, *calls("shred", {"name": "books"})])
    with chat.streaming("shred", conversation) as events:
        next(events)
        assert gate.reached.wait(5)
        queued = chat.client.post(chat.path(conversation, "queue"), json={"content": "then this"})
        assert len(queued.json()["messages"]) == 1
        gate.open()
        list(events)
    left = chat.client.get(chat.path(conversation, "queue")).json()
    assert left["messages"] == []
    assert left["id"] == str(UUID(conversation))
