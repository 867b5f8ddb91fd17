"""Models behind an OpenAI-compatible endpoint: Ollama, vLLM, llama.cpp, LM Studio, and most hosted providers."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from furze.kit import json
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

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
}


class OpenAIModel:
    """A model of an OpenAI-compatible endpoint, such as `http://localhost:11434/v1`."""

    is_language_model = True

    def __init__(self, name: str, *, base_url: str, api_key: str | None = None) -> None:
        self.name = name
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._provider = Provider(base_url, headers)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The answer."""
        state = _Incoming()
        async for chunk in self._provider.stream("/chat/completions", _body(self.name, request)):
            for event in state.receive(chunk):
                yield event
        for event in state.end():
            yield event

    async def close(self) -> None:
        """Let go of the connections."""
        await self._provider.close()


@dataclass
class _Call:
    id: str
    name: str = ""
    text: str = ""
    is_shown: bool = False


@dataclass
class _Incoming:
    """The pieces of an answer: tool calls come by index, their arguments in any number of pieces."""

    calls: dict[int, _Call] = field(default_factory=dict)
    reason: FinishReason | None = None
    usage: Usage = field(default_factory=Usage)
    is_refusal: bool = False

    def receive(self, chunk: dict[str, Any]) -> Iterator[ModelEvent]:
        if chunk.get("error"):
            raise ModelUnavailable(f"the provider reported: {chunk['error']}")
        if chunk.get("usage"):
            used = chunk["usage"]
            self.usage = Usage(used.get("prompt_tokens") or 0, used.get("completion_tokens") or 0)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if delta.get("content"):
                yield TextDelta(delta["content"])
            if delta.get("refusal"):
                self.is_refusal = True
                yield TextDelta(delta["refusal"])
            for piece in delta.get("tool_calls") or ():
                yield from self._piece(piece)
            if choice.get("finish_reason"):
                self.reason = _REASONS.get(choice["finish_reason"], "stop")

    def _piece(self, piece: dict[str, Any]) -> Iterator[ModelEvent]:
        function = piece.get("function") or {}
        index = piece.get("index")
        if index is None:  # some servers leave it out and send each call whole
            index = len(self.calls)
        call = self.calls.get(index)
        if call is None:
            given, known = piece.get("id"), [each.id for each in self.calls.values()]
            call = _Call(given if given and given not in known else f"call_{uuid4().hex[:24]}")
            self.calls[index] = call
        call.name += function.get("name") or "" if not call.is_shown else ""
        arguments = function.get("arguments") or ""
        call.text += arguments if isinstance(arguments, str) else json.dumps(arguments).decode()
        if call.name and not call.is_shown:
            call.is_shown = True
            yield ToolCallStarted(call.id, call.name)

    def end(self) -> Iterator[ModelEvent]:
        if self.reason is None and not self.calls:
            raise ModelUnavailable("the answer broke off before its end")
        if self.reason is None:
            raise ModelUnavailable("the answer broke off in the middle of a tool call")
        for call in self.calls.values():
            arguments, fault = arguments_of(call.text)
            yield ToolCall(call.id, call.name, arguments, fault)
        reason: FinishReason = "refusal" if self.is_refusal else self.reason
        yield Finished("tool_calls" if self.calls and reason == "stop" else reason, self.usage)


def _body(model: str, request: ModelRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": request.system}, *map(_message, request.messages)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    return body


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments).decode()},
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content or None, "tool_calls": calls}
