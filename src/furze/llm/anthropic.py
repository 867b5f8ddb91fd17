"""Models behind Anthropic's Messages API."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from furze.llm.http import Provider, arguments_of
from furze.llm.types import (
    Finished,
    FinishReason,
    Message,
    ModelEvent,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    ToolCall,
    ToolCallStarted,
    Usage,
)

_VERSION = "2023-06-01"
_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


class AnthropicModel:
    """A model of Anthropic's API, or of something that speaks it."""

    is_language_model = True

    def __init__(
        self, name: str, *, api_key: str, base_url: str = "https://api.anthropic.com", longest: int = 8_192
    ) -> None:
        self.name = name
        self._longest = longest
        self._provider = Provider(base_url, {"x-api-key": api_key, "anthropic-version": _VERSION})

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The answer."""
        state = _Incoming()
        async for event in self._provider.stream("/v1/messages", _body(self.name, request, self._longest)):
            for each in state.receive(event):
                yield each
        yield state.end()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._provider.close()


@dataclass
class _Incoming:
    """The pieces of an answer, which come in numbered content blocks."""

    calls: dict[int, list[str]] = field(default_factory=dict)
    reason: FinishReason | None = None
    read: int = 0
    written: int = 0

    def receive(self, event: dict[str, Any]) -> Iterator[ModelEvent]:
        match event.get("type"):
            case "error":
                raise ModelUnavailable(f"the provider reported: {event.get('error')}")
            case "message_start":
                self._count((event.get("message") or {}).get("usage"))
            case "content_block_start":
                yield from self._start(event["index"], event["content_block"])
            case "content_block_delta":
                yield from self._more(event["index"], event["delta"])
            case "content_block_stop":
                yield from self._stop(event["index"])
            case "message_delta":
                self._count(event.get("usage"))
                reason = (event.get("delta") or {}).get("stop_reason")
                self.reason = _REASONS.get(reason, "stop") if reason else self.reason

    def end(self) -> Finished:
        if self.reason is None:
            raise ModelUnavailable("the answer broke off before its end")
        return Finished(self.reason, Usage(self.read, self.written))

    def _start(self, index: int, block: dict[str, Any]) -> Iterator[ModelEvent]:
        if block.get("type") == "tool_use":
            self.calls[index] = [block["id"], block["name"], ""]
            yield ToolCallStarted(block["id"], block["name"])
        elif block.get("type") == "text" and block.get("text"):
            yield TextDelta(block["text"])

    def _more(self, index: int, delta: dict[str, Any]) -> Iterator[ModelEvent]:
        if delta.get("type") == "text_delta" and delta.get("text"):
            yield TextDelta(delta["text"])
        elif delta.get("type") == "input_json_delta" and index in self.calls:
            self.calls[index][2] += delta.get("partial_json") or ""

    def _stop(self, index: int) -> Iterator[ModelEvent]:
        if index in self.calls:
            identity, name, text = self.calls.pop(index)
            arguments, fault = arguments_of(text)
            yield ToolCall(identity, name, arguments, fault)

    def _count(self, usage: dict[str, Any] | None) -> None:
        used = usage or {}
        self.read = used.get("input_tokens") or self.read
        self.written = used.get("output_tokens") or self.written


def _body(model: str, request: ModelRequest, longest: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": longest,
        "system": request.system,
        "messages": _alternating(request.messages),
        "stream": True,
    }
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
    return body


def _alternating(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """User and assistant in turn, as the API wants it: tool results are the user's, neighbours of a role join."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if joined and joined[-1]["role"] == role:
            joined[-1]["content"] += blocks
        elif blocks:
            joined.append({"role": role, "content": blocks})
    return joined


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in message.tool_calls
    ]
    return [*text, *calls]
