"""The Gemini adapter, against a real HTTP server with scripted answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.llm.conftest import Provider

from furze.llm.google import GoogleModel
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


@pytest.fixture
async def model(provider: Provider) -> AsyncIterator[GoogleModel]:
    made = GoogleModel("gemini", api_key="key", base_url=provider.url)
    yield made
    await made.close()


def _chunk(*parts: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, **({"finishReason": reason} if reason else {})}
    return {"candidates": [candidate], **more}


async def _all(model: GoogleModel, request: ModelRequest = ASKED) -> list[ModelEvent]:
    return [event async for event in model.stream(request)]


async def test_text_then_two_calls(model: GoogleModel, provider: Provider) -> None:
    used = {"promptTokenCount": 7, "candidatesTokenCount": 5, "thoughtsTokenCount": 4}
    provider.scripts.append(
        [
            _chunk({"text": "I wonder.", "thought": True}, {"text": "Let me "}),
            _chunk({"text": "look."}),
            _chunk({"functionCall": {"id": "a", "name": "look", "args": {"q": [1, 2]}}}),
            _chunk({"functionCall": {"id": "b", "name": "look"}}, reason="STOP", usageMetadata=used),
        ]
    )
    assert await _all(model) == [
        TextDelta("Let me "),
        TextDelta("look."),
        ToolCallStarted("a", "look"),
        ToolCall("a", "look", {"q": [1, 2]}),
        ToolCallStarted("b", "look"),
        ToolCall("b", "look", {}),
        Finished("tool_calls", Usage(7, 9)),
    ]
    assert provider.headers[0]["x-goog-api-key"] == "key"
    assert provider.requests[0]["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == {"type": "object"}
    assert provider.requests[0]["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


async def test_calls_without_ids_get_their_own(model: GoogleModel, provider: Provider) -> None:
    call = {"functionCall": {"name": "look", "args": {}}}
    provider.scripts.append([_chunk(call, call, reason="STOP")])
    calls = [each for each in await _all(model) if isinstance(each, ToolCall)]
    assert len({each.id for each in calls}) == 2


@pytest.mark.parametrize(
    ("said", "reason"), [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "refusal"), ("A_NEW_ONE", "refusal")]
)
async def test_why_an_answer_ended(model: GoogleModel, provider: Provider, said: str, reason: Any) -> None:
    provider.scripts.append([_chunk({"text": "x"}, reason=said)])
    assert (await _all(model))[-1] == Finished(reason, Usage())


async def test_a_blocked_question_is_a_refusal(model: GoogleModel, provider: Provider) -> None:
    provider.scripts.append([{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}])
    assert await _all(model) == [Finished("refusal", Usage())]


@pytest.mark.parametrize("script", [[_chunk({"text": "x"})], [{"error": {"code": 503}}], [_chunk(), None], 503])
async def test_a_broken_answer_is_temporary(model: GoogleModel, provider: Provider, script: Any) -> None:
    provider.scripts.append(script)
    with pytest.raises(ModelUnavailable):
        await _all(model)


async def test_roles_alternate_and_results_name_their_function(model: GoogleModel, provider: Provider) -> None:
    provider.scripts.append([_chunk({"text": "x"}, reason="STOP")])
    history = (
        Message("user", "one"),
        Message("user", "two"),
        Message("assistant", "", (ToolCall("a", "look", {"q": 1}), ToolCall("b", "find", {}))),
        Message("tool", "A", (), "a"),
        Message("tool", "B", (), "b"),
    )
    await _all(model, ModelRequest("s", history))
    sent = provider.requests[0]["contents"]
    assert [each["role"] for each in sent] == ["user", "model", "user"]
    assert [part["functionCall"] for part in sent[1]["parts"]] == [
        {"name": "look", "args": {"q": 1}},
        {"name": "find", "args": {}},
    ]
    assert [part["functionResponse"] for part in sent[2]["parts"]] == [
        {"name": "look", "response": {"result": "A"}},
        {"name": "find", "response": {"result": "B"}},
    ]
