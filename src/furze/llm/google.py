"""Models behind Google's Gemini API."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from furze.llm.http import Provider
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

#: Every other reason, of which there are many and will be more, is a way of refusing.
_REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "MALFORMED_FUNCTION_CALL": "stop",
}
# Newer models want the signature of each call's thought back. A log that outlives the model that wrote it has none;
# this is what the API takes in its place.
_NO_SIGNATURE = "skip_thought_signature_validator"


class GoogleModel:
    """A model of the Gemini API, such as `gemini-2.5-flash`."""

    is_language_model = True

    def __init__(self, name: str, *, api_key: str, base_url: str = "https://generativelanguage.googleapis.com") -> None:
        self.name = name
        self._path = f"/v1beta/models/{quote(name, safe='')}:streamGenerateContent?alt=sse"
        self._provider = Provider(base_url, {"x-goog-api-key": api_key})

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The answer."""
        state = _Incoming()
        async for chunk in self._provider.stream(self._path, _body(request)):
            for event in state.receive(chunk):
                yield event
        yield state.end()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._provider.close()


@dataclass
class _Incoming:
    """The pieces of an answer: text comes in parts, a call always whole."""

    reason: FinishReason | None = None
    has_calls: bool = False
    usage: Usage = field(default_factory=Usage)

    def receive(self, chunk: dict[str, Any]) -> Iterator[ModelEvent]:
        if chunk.get("error"):
            raise ModelUnavailable(f"the provider reported: {chunk['error']}")
        if used := chunk.get("usageMetadata"):
            written = (used.get("candidatesTokenCount") or 0) + (used.get("thoughtsTokenCount") or 0)
            self.usage = Usage(used.get("promptTokenCount") or 0, written)
        if (chunk.get("promptFeedback") or {}).get("blockReason"):
            self.reason = "refusal"
        for candidate in (chunk.get("candidates") or ())[:1]:
            for part in (candidate.get("content") or {}).get("parts") or ():
                yield from self._part(part)
            if reason := candidate.get("finishReason"):
                self.reason = _REASONS.get(reason, "refusal")

    def _part(self, part: dict[str, Any]) -> Iterator[ModelEvent]:
        if called := part.get("functionCall"):
            identity, arguments = called.get("id") or f"call_{uuid4().hex[:24]}", called.get("args") or {}
            self.has_calls = True
            yield ToolCallStarted(identity, called["name"])
            yield ToolCall(identity, called["name"], arguments)
        elif part.get("text") and not part.get("thought"):
            yield TextDelta(part["text"])

    def end(self) -> Finished:
        if self.reason is None:
            raise ModelUnavailable("the answer broke off before its end")
        return Finished("tool_calls" if self.has_calls and self.reason == "stop" else self.reason, self.usage)


def _body(request: ModelRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": request.system}]},
        "contents": _contents(request.messages),
    }
    if request.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
            for tool in request.tools
        ]
        body["tools"] = [{"functionDeclarations": declared}]
    return body


def _contents(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """User and model in turn; a result is the user's and names its function, for calls need not have ids here."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    joined: list[dict[str, Any]] = []
    for message in messages:
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(message, names)
        if joined and joined[-1]["role"] == role:
            joined[-1]["parts"] += parts
        elif parts:
            joined.append({"role": role, "parts": parts})
    return joined


def _parts(message: Message, names: Mapping[str, str]) -> list[dict[str, Any]]:
    if message.role == "tool":
        name = names.get(message.tool_call_id or "", "")
        return [{"functionResponse": {"name": name, "response": {"result": message.content}}}]
    text = [{"text": message.content}] if message.content.strip() else []
    calls = [
        {"functionCall": {"name": call.name, "args": call.arguments}, "thoughtSignature": _NO_SIGNATURE}
        for call in message.tool_calls
    ]
    return [*text, *calls]
