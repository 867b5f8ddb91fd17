"""The OpenAI-compatible adapter, against a real HTTP server with scripted answers."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.llm.conftest import Provider

from furze.llm.openai import OpenAIModel
from furze.llm.types import (
    Finished,
    Message,
    ModelError,
    ModelEvent,
    ModelKeyRefused,
    ModelNotFound,
    ModelOverQuota,
    ModelRejectedRequest,
    ModelRequest,
    ModelUnavailable,
    ModelUnreachable,
    TextDelta,
    ToolCall,
    ToolCallStarted,
    ToolDefinition,
    Usage,
)

ASKED = ModelRequest("Be brief.", (Message("user", "hi"),), (ToolDefinition("look", "Looks.", {"type": "object"}),))


@pytest.fixture
async def model(provider: Provider) -> AsyncIterator[OpenAIModel]:
    made = OpenAIModel("tiny", base_url=f"{provider.url}/v1/", api_key="sk-1")
    yield made
    await made.close()


def _delta(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _piece(index: int | None, arguments: str, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return _delta(tool_calls=[{**({} if index is None else {"index": index}), **more, "function": function}])


async def _all(model: OpenAIModel, request: ModelRequest = ASKED) -> list[ModelEvent]:
    return [event async for event in model.stream(request)]


async def test_text_and_usage(model: OpenAIModel, provider: Provider) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    provider.scripts.append(
        [
            _delta(role="assistant"),
            _delta(content="Hé"),
            _delta(content="y"),
            _delta("stop"),
            usage,
            b"data: [DONE]\n\n",
        ]
    )
    assert await _all(model) == [TextDelta("Hé"), TextDelta("y"), Finished("stop", Usage(5, 2))]
    sent = provider.requests[0]
    assert sent["model"] == "tiny"
    assert sent["stream"] is True
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent["tools"][0]["function"]["name"] == "look"
    assert provider.headers[0]["authorization"] == "Bearer sk-1"


async def test_parallel_calls_whose_arguments_come_in_mixed_pieces(model: OpenAIModel, provider: Provider) -> None:
    provider.scripts.append(
        [
            _piece(0, "", id="a", name="look"),
            _piece(1, '{"q"', id="b", name="look"),
            _piece(0, '{"q": "x'),
            _piece(1, ": 2}"),
            _piece(0, '\\u00e9"}'),
            _delta("tool_calls"),
        ]
    )
    assert await _all(model) == [
        ToolCallStarted("a", "look"),
        ToolCallStarted("b", "look"),
        ToolCall("a", "look", {"q": "xé"}),
        ToolCall("b", "look", {"q": 2}),
        Finished("tool_calls"),
    ]


async def test_events_cut_at_any_byte_are_put_together(model: OpenAIModel, provider: Provider) -> None:
    events = ['{"choices":[{"delta":{"content":"naïve 日本"}}]}\r', '{"choices":[{"delta":{},"finish_reason":"stop"}]}']
    whole = "".join(f"data: {each}\n\n: ping\n\n" for each in [*events, "[DONE]"]).encode()
    provider.scripts.append([whole[index : index + 1] for index in range(len(whole))])
    assert await _all(model) == [TextDelta("naïve 日本"), Finished("stop")]


@pytest.mark.parametrize(("text", "words"), [('{"q": ', "not valid JSON"), ("[1]", "a JSON object is needed")])
async def test_malformed_arguments_are_reported_with_the_call(
    model: OpenAIModel, provider: Provider, text: str, words: str
) -> None:
    provider.scripts.append([_piece(0, text, id="a", name="look"), _delta("tool_calls")])
    call = next(event for event in await _all(model) if isinstance(event, ToolCall))
    assert call.arguments == {}
    assert words in str(call.error)


async def test_two_calls_under_one_id_are_told_apart(model: OpenAIModel, provider: Provider) -> None:
    pieces = [{"index": n, "id": "call_0", "function": {"name": "f", "arguments": f'{{"n": {n}}}'}} for n in range(2)]
    provider.scripts.append([{"choices": [{"delta": {"tool_calls": pieces}, "finish_reason": "tool_calls"}]}])
    calls = [event for event in await _all(model) if isinstance(event, ToolCall)]
    assert [call.arguments for call in calls] == [{"n": 0}, {"n": 1}]
    assert len({call.id for call in calls}) == 2


async def test_whole_calls_without_an_index_or_a_reason_of_their_own(model: OpenAIModel, provider: Provider) -> None:
    provider.scripts.append(
        [_piece(None, '{"q": 1}', name="look"), _piece(None, '{"q": 2}', name="look"), _delta("stop")]
    )
    events = await _all(model)
    assert [event.arguments for event in events if isinstance(event, ToolCall)] == [{"q": 1}, {"q": 2}]
    assert events[-1] == Finished("tool_calls")


@pytest.mark.parametrize(("finish", "reason"), [("length", "length"), ("content_filter", "refusal")])
async def test_why_an_answer_ended(model: OpenAIModel, provider: Provider, finish: str, reason: Any) -> None:
    provider.scripts.append([_delta(content="x"), _delta(finish)])
    assert (await _all(model))[-1] == Finished(reason)


async def test_a_refusal_is_its_text_and_its_reason(model: OpenAIModel, provider: Provider) -> None:
    provider.scripts.append([_delta(refusal="I won't."), _delta("stop")])
    assert await _all(model) == [TextDelta("I won't."), Finished("refusal")]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ModelRejectedRequest),
        (422, ModelRejectedRequest),
        (401, ModelKeyRefused),
        (403, ModelKeyRefused),
        (404, ModelNotFound),
        (418, ModelError),
        (402, ModelOverQuota),
        (429, ModelOverQuota),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
    ],
)
async def test_a_refused_request_by_status(
    model: OpenAIModel, provider: Provider, status: int, error: type[ModelError]
) -> None:
    provider.scripts.append(status)
    with pytest.raises(ModelError) as caught:
        await _all(model)
    assert type(caught.value) is error
    assert caught.value.text.startswith("I'm unable to ")


@pytest.mark.parametrize(
    "script",
    [
        [_delta(content="half"), None],
        [_delta(content="half")],
        [_piece(0, '{"q', id="a", name="look")],
        [b"data: {nonsense\n\n"],
        [{"error": {"message": "overloaded"}}],
    ],
)
async def test_a_broken_answer_is_temporary(model: OpenAIModel, provider: Provider, script: list[Any]) -> None:
    provider.scripts.append(script)
    with pytest.raises(ModelUnavailable):
        await _all(model)


async def test_an_endpoint_that_is_not_there(provider: Provider) -> None:
    model = OpenAIModel("tiny", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnreachable, match="can't be reached"):
        await _all(model)
    await model.close()


async def test_closing_the_answer_closes_the_connection_at_once(model: OpenAIModel, provider: Provider) -> None:
    provider.scripts.append([step for _ in range(1000) for step in (_delta(content="x"), 0.01)])
    began = model.stream(ASKED)
    await anext(began)
    task = asyncio.create_task(anext(began))
    await asyncio.sleep(0)
    at = time.perf_counter()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await began.aclose()
    assert await asyncio.to_thread(provider.disconnected.wait, 2)
    assert time.perf_counter() - at < 1


async def test_tool_results_go_back_under_their_call(model: OpenAIModel, provider: Provider) -> None:
    provider.scripts.append([_delta("stop")])
    history = (
        Message("user", "hi"),
        Message("assistant", "", (ToolCall("a", "look", {"q": 1}),)),
        Message("tool", "seen", (), "a"),
    )
    await _all(model, ModelRequest("s", history))
    _, _, call, result = provider.requests[0]["messages"]
    assert call["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}}]
    assert result == {"role": "tool", "tool_call_id": "a", "content": "seen"}
    assert "tools" not in provider.requests[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"error":{"message":"registry.example/tiny does not support tools"}}', "can't call tools"),
        ('{"error":{"code":"context_length_exceeded","message":"maximum context length is 4096"}}', "too small"),
        ("prompt is too long: 210000 tokens", "too small"),
        ("unknown field", "may be too long. Please start a new conversation."),
    ],
)
async def test_a_model_that_is_not_up_to_it_is_told_apart(
    model: OpenAIModel, provider: Provider, text: str, words: str
) -> None:
    provider.scripts.append((400, text))
    with pytest.raises(ModelRejectedRequest) as raised:
        await _all(model)
    assert raised.value.text.find(words) > 0


async def test_an_answer_that_has_ended_leaves_its_connection_to_the_next(
    model: OpenAIModel, provider: Provider
) -> None:
    for _ in range(3):
        provider.scripts.append([_delta(content="yes"), _delta("stop"), b"data: [DONE]\n\n"])
        await _all(model)
    assert len(provider.connections) == 1


async def test_a_server_that_does_not_end_its_answer_does_not_hold_it_up(
    model: OpenAIModel, provider: Provider
) -> None:
    provider.scripts.append([_delta(content="yes"), _delta("stop"), b"data: [DONE]\n\n", 20.0])
    began = time.monotonic()
    assert isinstance((await _all(model))[-1], Finished)
    assert time.monotonic() - began < 5


async def test_the_environments_proxy_is_used(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", provider.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    provider.scripts.append([_delta(content="yes"), _delta("stop")])
    model = OpenAIModel("tiny", base_url="http://models.example/v1")
    assert isinstance((await _all(model))[-1], Finished)
    assert provider.headers[0]["host"] == "models.example"
    await model.close()


async def test_a_kept_connection_that_the_server_has_just_closed_costs_nobody_an_answer() -> None:
    answer = b'data: {"choices": [{"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"}]}\n\n'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def read_request() -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None
            await reader.readexactly(int(length[1]))

        await read_request()
        writer.write(answer)
        await read_request()  # as one whose time to keep a connection ends just now
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    model = OpenAIModel("tiny", base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    for _ in range(3):
        assert TextDelta("yes") in await _all(model)
    await model.close()
    server.close()
