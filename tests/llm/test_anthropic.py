"""The Anthropic adapter, against a real HTTP server with scripted answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.llm.conftest import Provider

from furze.llm.anthropic import AnthropicModel
from furze.llm.types import (
    Finished,
    Message,
    ModelEvent,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ToolCall,
    ToolCallStarted,
    ToolDefinition,
    Usage,
)

ASKED = ModelRequest("Be brief.", (Message("user", "hi"),), (ToolDefinition("look", "Looks.", {"type": "object"}),))
START = {"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}}


@pytest.fixture
async def model(provider: Provider) -> AsyncIterator[AnthropicModel]:
    made = AnthropicModel("claude", api_key="key", base_url=provider.url)
    yield made
    await made.close()


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _end(reason: str) -> list[dict[str, Any]]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


async def _all(model: AnthropicModel, request: ModelRequest = ASKED) -> list[ModelEvent]:
    return [event async for event in model.stream(request)]


async def test_text_then_a_call_with_arguments_in_pieces(model: AnthropicModel, provider: Provider) -> None:
    text = _block(
        0,
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "Let me "},
        {"type": "text_delta", "text": "look."},
    )
    call = _block(
        1,
        {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"q":'},
        {"type": "input_json_delta", "partial_json": " [1, 2]}"},
    )
    provider.scripts.append([START, {"type": "ping"}, *text, *call, *_end("tool_use")])
    assert await _all(model) == [
        TextDelta("Let me "),
        TextDelta("look."),
        ToolCallStarted("t1", "look"),
        ToolCall("t1", "look", {"q": [1, 2]}),
        Finished("tool_calls", Usage(7, 9)),
    ]
    assert provider.headers[0]["x-api-key"] == "key"
    assert provider.requests[0]["tools"][0]["input_schema"] == {"type": "object"}


@pytest.mark.parametrize(("said", "reason"), [("end_turn", "stop"), ("max_tokens", "length"), ("refusal", "refusal")])
async def test_why_an_answer_ended(model: AnthropicModel, provider: Provider, said: str, reason: Any) -> None:
    provider.scripts.append([START, *_block(0, {"type": "text", "text": "x"}), *_end(said)])
    assert (await _all(model))[-1] == Finished(reason, Usage(7, 9))


@pytest.mark.parametrize(
    "script",
    [[START], [START, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}], [START, None], 529],
)
async def test_a_broken_answer_is_temporary(model: AnthropicModel, provider: Provider, script: Any) -> None:
    provider.scripts.append(script)
    with pytest.raises(ModelUnavailable):
        await _all(model)


async def test_messages_alternate_and_results_follow_their_calls(model: AnthropicModel, provider: Provider) -> None:
    provider.scripts.append([START, *_end("end_turn")])
    history = (
        Message("user", "one"),
        Message("user", "two"),
        Message("assistant", "", (ToolCall("a", "look", {}), ToolCall("b", "look", {}))),
        Message("tool", "A", (), "a"),
        Message("tool", "B", (), "b"),
        Message("user", "and?"),
    )
    await _all(model, ModelRequest("s", history))
    sent = provider.requests[0]["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "user"]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "tool_result", "text"]
