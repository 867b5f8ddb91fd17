"""The loop: what happens when models and tools misbehave."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.conftest import READER_KEY, Chat, finals, said, serving

from furze.conversations.types import Limits
from furze.llm.types import (
    Artifact,
    Finished,
    ModelError,
    ModelRejectedRequest,
    ModelUnavailable,
    TextDelta,
    Tool,
    ToolCall,
    ToolContext,
    ToolError,
    ToolResult,
)
from furze.testing import ScriptedModel
from furze.testing.model import calls, says

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def _double(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    await context.update(f"doubling {arguments['n']}")
    return ToolResult(str(2 * arguments["n"]), Artifact({"content_type": "visualization", "query": {}}), ui_payload=1)


async def _fail(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    raise ToolError("the shelf is empty")


async def _break(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    raise RuntimeError("secret")


async def _hang(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    await asyncio.sleep(60)
    return ToolResult("never")


async def _huge(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult("x" * 10_000_000)


TOOLS = [
    Tool("double", "Doubles.", NUMBER, _double),
    Tool("fail", "Fails.", {"type": "object"}, _fail),
    Tool("break", "Breaks.", {"type": "object"}, _break),
    Tool("hang", "Hangs.", {"type": "object"}, _hang, deadline_seconds=0.1),
    Tool("huge", "Says much.", {"type": "object"}, _huge),
    Tool("private", "Needs a scope.", {"type": "object"}, _fail, scope="batch_export:write"),
]


@pytest.fixture
def chat(tmp_path: Path, model: ScriptedModel) -> Iterator[Chat]:
    with serving(tmp_path, model, tools=TOOLS, limits=Limits(steps=12)) as running:
        yield running


def _result(chat: Chat, conversation: str, model: ScriptedModel, *events: Any) -> str:
    model.scripts += [list(events) or [], says("done")]
    heard = said(chat.ask("go", conversation))
    assert heard[-1] == ("ai", "done")
    return next(text for kind, text in heard if kind == "tool")


def test_a_tool_s_update_chart_and_result_come_in_order(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    model.scripts += [calls("double", {"n": 21}), says("42")]
    events = finals(chat.ask("double 21", conversation))
    kinds = [(name, body.get("type")) for name, body, _ in events if name != "conversation"]
    assert kinds == [
        ("message", "human"),
        ("message", "ai"),
        ("update", None),
        ("message", "ai/artifact"),
        ("message", "tool"),
        ("message", "ai"),
    ]
    by_type = {body.get("type"): body for _, body, _ in events}
    call = next(body["tool_calls"][0] for _, body, _ in events if body.get("tool_calls"))
    assert call == {"id": "call-1", "name": "double", "args": {"n": 21}, "type": "tool_call"}
    assert (by_type["tool"]["content"], by_type["tool"]["ui_payload"]) == ("42", {"double": 1})
    assert by_type["ai/artifact"]["content"]["content_type"] == "visualization"


def test_parallel_calls_each_get_their_result(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    many = [*(ToolCall(f"c{n}", "double", {"n": n}) for n in range(5)), Finished("tool_calls")]
    model.scripts += [many, says("done")]
    events = chat.ask("go", conversation)
    results = {body["tool_call_id"]: body["content"] for _, body, _ in events if body.get("type") == "tool"}
    assert results == {f"c{n}": str(2 * n) for n in range(5)}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (ToolCall("c", "fly", {}), "no tool 'fly'"),
        (ToolCall("c", "double", {}), "arguments.n is missing"),
        (ToolCall("c", "double", {"n": "two"}), "must be integer"),
        (ToolCall("c", "double", {}, "not valid JSON"), "not valid JSON"),
        (ToolCall("c", "fail", {}), "the shelf is empty"),
        (ToolCall("c", "break", {}), "failed for a reason of its own"),
        (ToolCall("c", "hang", {}), "did not finish within 0.1 seconds"),
        (ToolCall("c", "huge", {}), "[cut: 9940000 more characters]"),
    ],
)
def test_what_goes_wrong_with_a_call_is_told_to_the_model(
    chat: Chat, conversation: str, model: ScriptedModel, call: ToolCall, words: str
) -> None:
    told = _result(chat, conversation, model, call, Finished("tool_calls"))
    assert words in told
    assert "secret" not in told


def test_a_key_without_the_tool_s_scope_can_not_reach_it_through_the_assistant(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    from furze.conversations import store  # noqa: PLC0415

    assert store  # the reader's key may not even ask
    assert chat.as_user(READER_KEY).post("go", conversation).status_code == 403
    assert "the shelf is empty" in _result(
        chat, conversation, model, ToolCall("c", "private", {}), Finished("tool_calls")
    )


def test_a_model_in_a_circle_is_stopped(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    numbers = iter(range(100))
    model.otherwise = lambda _request: calls("fail", call_id=f"call-{next(numbers)}")
    heard = said(chat.ask("go", conversation))
    results = [text for kind, text in heard if kind == "tool"]
    assert sum("the shelf is empty" in text for text in results) == 2
    assert heard[-1][0] == "ai/failure"
    assert "repeating" in heard[-1][1]


def test_the_step_limit_asks_whether_to_go_on(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    numbers = iter(range(100))
    model.otherwise = lambda _request: calls("double", {"n": (n := next(numbers))}, call_id=f"call-{n}")
    assert said(chat.ask("go", conversation))[-1] == (
        "ai",
        "I've reached the maximum number of steps. Would you like me to continue?",
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ModelUnavailable("refused"),
            "I'm unable to respond right now due to a temporary service issue. Please try again later.",
        ),
        (
            ModelRejectedRequest("400"),
            "I'm unable to process this request. The conversation may be too long. Please start a new conversation.",
        ),
        (ModelError("401"), "I'm unable to respond right now. Please try again later."),
        (RuntimeError("a bug"), ""),
    ],
)
def test_a_failing_model_ends_the_turn_with_a_failure_and_the_next_turn_starts_afresh(
    chat: Chat, conversation: str, model: ScriptedModel, error: Exception, text: str
) -> None:
    model.scripts += [[TextDelta("half"), error], says("better")]
    assert said(chat.ask("go", conversation)) == [("human", "go"), ("ai/failure", text)]
    assert chat.get(conversation)["status"] == "idle"
    assert said(chat.ask("again", conversation))[-1] == ("ai", "better")
    assert [each.content for each in model.requests[-1].messages] == ["go", "again"]


@pytest.mark.parametrize(("reason", "words"), [("length", "length limit"), ("refusal", "I can't help with that.")])
def test_a_cut_off_or_refused_answer_says_so(
    chat: Chat, conversation: str, model: ScriptedModel, reason: Any, words: str
) -> None:
    model.scripts.append([*([TextDelta("It was")] if reason == "length" else []), Finished(reason)])
    assert words in said(chat.ask("go", conversation))[-1][1]


def test_a_turn_has_a_deadline(tmp_path: Path, conversation: str) -> None:
    model = ScriptedModel([5.0, *says("late")])
    with serving(tmp_path, model, limits=Limits(turn_seconds=0.2)) as chat:
        kind, text = said(chat.ask("go", conversation))[-1]
    assert (kind, "longer than a turn may take" in text) == ("ai/failure", True)
