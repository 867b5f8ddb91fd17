"""The messages of a conversation: on the wire, in full for GET, and as the history a model sees. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from furze.conversations.types import Entry, NewEntry
from furze.llm.types import Message, ToolCall

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "human": ("content", "id", "parent_tool_call_id", "trace_id", "type", "ui_context"),
    "ai": ("content", "id", "meta", "parent_tool_call_id", "tool_calls", "type"),
    "tool": ("content", "id", "parent_tool_call_id", "tool_call_id", "type", "ui_payload"),
    "ai/artifact": ("artifact_id", "content", "id", "parent_tool_call_id", "source", "type"),
    "ai/failure": ("content", "id", "parent_tool_call_id", "type"),
}

_UNANSWERED = "This call was not carried out: the person stopped it or moved on."


def human(content: str, *, trace_id: UUID, ui_context: dict[str, Any] | None) -> NewEntry:
    """What a person wrote."""
    message = _message("human", content=content, trace_id=str(trace_id), ui_context=ui_context)
    return NewEntry("message", message)


def ai(content: str, *, calls: Sequence[ToolCall] = (), private: dict[str, Any] | None = None) -> NewEntry:
    """An answer of the assistant, complete."""
    tool_calls = [wire_call(call) for call in calls] or None
    faults = {call.id: call.error for call in calls if call.error}
    kept = {**(private or {}), **({"faults": faults} if faults else {})}
    return NewEntry("message", _message("ai", content=content, tool_calls=tool_calls), kept or None)


def partial(content: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """An answer of the assistant so far."""
    message = {"type": "ai", "content": content, "id": "temp-0"}
    return {**message, "tool_calls": [wire_call(call) for call in calls]} if calls else message


def tool(call_id: str, content: str, ui_payload: dict[str, Any] | None = None) -> NewEntry:
    """What a tool gave back."""
    return NewEntry("message", _message("tool", content=content, tool_call_id=call_id, ui_payload=ui_payload))


def artifact(content: dict[str, Any]) -> NewEntry:
    """A chart or a document."""
    identity = uuid4()
    message = _message("ai/artifact", artifact_id=identity.hex[-4:], source="artifact", content=content)
    return NewEntry("message", {**message, "id": str(identity)})


def failure(content: str | None) -> NewEntry:
    """The assistant could not answer."""
    return NewEntry("message", _message("ai/failure", content=content))


def wire_call(call: ToolCall) -> dict[str, Any]:
    """A tool call as messages carry it."""
    return {"id": call.id, "name": call.name, "args": call.arguments, "type": "tool_call"}


def in_full(message: dict[str, Any]) -> dict[str, Any]:
    """A message as GET shows it: every field of its type, null when unset."""
    return {**dict.fromkeys(_FIELDS.get(message["type"], ())), **message}


def calls_of(entry: Entry) -> list[ToolCall]:
    """The tool calls of an assistant message."""
    faults = entry.private.get("faults", {})
    return [
        ToolCall(call["id"], call["name"], call["args"], faults.get(call["id"]))
        for call in entry.payload.get("tool_calls", ())
    ]


def call_ids(entries: Iterable[Entry]) -> frozenset[str]:
    """The ids of every tool call so far."""
    return frozenset(call.id for entry in entries if entry.payload.get("type") == "ai" for call in calls_of(entry))


def answered_calls(entries: Iterable[Entry]) -> set[str]:
    """The ids of the tool calls that have a result."""
    return {
        entry.payload["tool_call_id"]
        for entry in entries
        if entry.event == "message" and entry.payload["type"] == "tool"
    }


def history(entries: Sequence[Entry]) -> tuple[Message, ...]:
    """The history a model sees: each call followed at once by its result, whatever came in between."""
    results = {
        entry.payload["tool_call_id"]: entry.payload["content"]
        for entry in entries
        if entry.event == "message" and entry.payload["type"] == "tool"
    }
    seen: list[Message] = []
    for entry in entries:
        if entry.event != "message":
            continue
        if entry.payload["type"] == "human":
            seen.append(Message("user", _with_attachments(entry.payload)))
        elif entry.payload["type"] == "ai":
            calls = tuple(calls_of(entry))
            seen.append(Message("assistant", entry.payload["content"], calls))
            seen.extend(Message("tool", results.get(call.id, _UNANSWERED), (), call.id) for call in calls)
    return tuple(seen)


def _with_attachments(payload: dict[str, Any]) -> str:
    attached = {name: each for name, each in (payload.get("ui_context") or {}).items() if each}
    return (
        f"{payload['content']}\n\n<attached_context>{attached}</attached_context>" if attached else payload["content"]
    )


def _message(kind: str, **fields: Any) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if value is not None}
    return {"type": kind, "id": str(uuid4()), **kept}
