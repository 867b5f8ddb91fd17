"""The loop: a model answers, its tool calls run, their results go back, until an answer asks for nothing more.

Every message is a committed log entry. What to do next is read off the log: calls without a result are carried out,
otherwise the model is asked. So a crash, a cancel and a pause need no code of their own here.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

from furze.conversations import guard, messages
from furze.conversations.log import Log, Partials
from furze.conversations.types import STARTED, Entry, NewEntry, Turn
from furze.kit import json
from furze.llm.running import misuse, run_tool, unusable
from furze.llm.types import (
    Finished,
    Message,
    Model,
    ModelRequest,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallStarted,
    ToolContext,
    ToolError,
    ToolPaused,
    ToolResult,
    Usage,
)

OUT_OF_STEPS = "I've reached the maximum number of steps. Would you like me to continue?"
_CUT_OFF = "\n\n(The model stopped here: its answer reached its length limit.)"
_REFUSED = "I can't help with that."
_REPEATS = 3
#: Characters after which an answer is taken for a model that can't stop: far above the longest real ones.
LONGEST_ANSWER = 200_000


class GoingInCircles(Exception):
    """The model repeats one call and does not take no for an answer."""


class Contexts(Protocol):
    """What the loop must be told about the world around a turn."""

    async def setting(self) -> tuple[Mapping[str, Tool], str]:
        """The tools at hand and what the model is told, in the mode of now."""
        ...

    def make(self, call: ToolCall, entry: Entry) -> ToolContext:
        """The context in which a call of message `entry` runs."""
        ...

    def may(self, scope: str) -> bool:
        """Whether the caller's key allows a scope."""
        ...

    async def pause(self, call: ToolCall, entry: Entry, pause: ToolPaused) -> None:
        """Record that a call waits for a person."""
        ...


@dataclass
class _Answer:
    """A model's answer while it arrives."""

    pieces: list[str] = field(default_factory=list)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    #: The ids of earlier calls: some servers number each answer's calls from nought again.
    taken: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict)
    length: int = 0
    finished: Finished = field(default_factory=lambda: Finished("stop"))

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def identity(self, given: str) -> str:
        """The id that a call goes by here, so that no result is taken for another call's."""
        return self.renamed.setdefault(given, f"call_{uuid4().hex[:24]}" if given in self.taken else given)

    def partial(self) -> dict[str, Any]:
        return messages.partial(self.text, list(self.calls.values()))


@dataclass
class Agent:
    """One turn at work. `contexts` tells of the world around it; `entries` is the log so far."""

    model: Model
    log: Log
    turn: Turn
    contexts: Contexts
    entries: list[Entry]
    resumed_calls: frozenset[str] = frozenset()
    steps: int = 96
    #: Whether numbers could have come from a tool, so that one that did not is made up.
    checks_numbers: bool = True
    tools: Mapping[str, Tool] = field(init=False, default_factory=dict)
    system: str = field(init=False, default="")

    async def run(self) -> str:
        """Work until the turn is `done` or `paused`."""
        for _ in range(self.steps):
            calls = self._open_calls()
            if not calls and self._is_answered():
                return "done"
            self.tools, self.system = await self.contexts.setting()
            if not calls:
                await self._ask()
            elif await self._carry_out(calls):
                return "paused"
        await self._append(messages.ai(OUT_OF_STEPS))
        return "done"

    def _open_calls(self) -> list[tuple[ToolCall, Entry]]:
        answered = messages.answered_calls(self.entries)
        return [
            (call, entry)
            for entry in self.entries
            if entry.payload.get("type") == "ai"
            for call in messages.calls_of(entry)
            if call.id not in answered and (entry.turn_id == self.turn.id or call.id in self.resumed_calls)
        ]

    def _is_answered(self) -> bool:
        own = [entry for entry in self.entries if entry.turn_id == self.turn.id and entry.event == "message"]
        return bool(own) and own[-1].payload["type"] in ("ai", "ai/failure")

    async def _append(self, *new: NewEntry) -> None:
        stored = await self.log.append(self.turn.conversation_id, self.turn.id, new)
        self.entries.extend(stored)

    async def _ask(self) -> None:
        """One answer of the model. A draft that states numbers out of nowhere is written again once, then flagged."""
        history = messages.history(self.entries)
        answer = await self._answer(history)
        made_up = self._made_up(answer)
        if made_up:
            note = Message("user", guard.correction(made_up))
            answer = await self._answer((*history, Message("assistant", answer.text), note))
            made_up = self._made_up(answer)
        await self._append(_final(answer, self.model.name, made_up))

    def _made_up(self, answer: _Answer) -> list[str]:
        return [] if answer.calls else self._stated_without_source(answer.text)

    def _stated_without_source(self, text: str) -> list[str]:
        if not self.checks_numbers or not self.model.is_language_model:
            return []
        spoken = {tool.name for tool in self.tools.values() if tool.said is not None}
        return guard.unsupported(text, self.entries, spoken=spoken)

    async def _answer(self, history: tuple[Message, ...]) -> _Answer:
        request = ModelRequest(self.system, history, tuple(tool.definition for tool in self.tools.values()))
        answer = _Answer(taken=messages.call_ids(self.entries))
        newest = self.entries[-1].sequence if self.entries else 0
        with self.log.partials(self.turn.conversation_id, newest=newest) as partials:
            async with contextlib.aclosing(self.model.stream(request)) as events:
                async for event in events:
                    _receive(answer, event, partials)
                    if answer.length >= LONGEST_ANSWER:
                        answer.calls.clear()  # their arguments may not have come yet
                        answer.finished = Finished("length")
                        break
            partials.reset()
        return answer

    async def _carry_out(self, calls: Sequence[tuple[ToolCall, Entry]]) -> bool:
        """Run the calls side by side, recording each as it ends; whether one of them waits for a person."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._carry_out_one(call, entry)) for call, entry in calls]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return any(task.result() for task in tasks)

    async def _carry_out_one(self, call: ToolCall, entry: Entry) -> bool:
        try:
            result = await self._result(call, entry)
        except ToolPaused as pause:
            await self.contexts.pause(call, entry, pause)
            return True
        shown = [messages.artifact(result.artifact.content)] if result.artifact else []
        payload = None if result.ui_payload is None else {call.name: result.ui_payload}
        await self._append(*shown, messages.tool(call.id, result.text, payload))
        return False

    async def _result(self, call: ToolCall, entry: Entry) -> ToolResult:
        refusal = self._refusal(call)
        if refusal is not None:
            return ToolResult(refusal)
        tool = self.tools[call.name]
        if not tool.repeatable and self._has_begun(call):
            return ToolResult(
                f"The server stopped while {call.name} ran. It may or may not have taken effect: look before repeating."
            )
        context = self.contexts.make(call, entry)
        if not tool.repeatable and (context.decision is not None or not tool.is_dangerous(call.arguments)):
            await self._append(NewEntry(STARTED, {"tool_call_id": call.id}))
        try:
            return await run_tool(tool, call.arguments, context)
        except ToolError as error:
            return ToolResult(str(error))

    def _refusal(self, call: ToolCall) -> str | None:
        """Why a call is not carried out, or None."""
        tool = self.tools.get(call.name)
        if tool is None:
            return f"There is no tool {call.name!r}. The tools are {', '.join(self.tools)}."
        wrong = unusable(call.name, call.error) if call.error else misuse(tool, call.arguments)
        if wrong is not None:
            return wrong
        if tool.scope is not None and not self.contexts.may(tool.scope):
            return f"The caller's key lacks the scope {tool.scope!r} that {call.name} needs."
        made_up = self._stated_without_source(tool.said(call.arguments)) if tool.said else []
        return guard.correction(made_up) if made_up else self._repetition(call)

    def _repetition(self, call: ToolCall) -> str | None:
        own = (entry for entry in self.entries if entry.turn_id == self.turn.id and entry.payload.get("type") == "ai")
        made = Counter(_identity(each) for entry in own for each in messages.calls_of(entry))
        times = made[_identity(call)]
        if times >= 2 * _REPEATS:
            raise GoingInCircles(call.name)
        if times >= _REPEATS:
            return f"You have called {call.name} {times} times with these arguments. Answer with what you have."
        return None

    def _has_begun(self, call: ToolCall) -> bool:
        return any(entry.event == STARTED and entry.payload["tool_call_id"] == call.id for entry in self.entries)


def _receive(answer: _Answer, event: Any, partials: Partials) -> None:
    match event:
        case TextDelta(text):
            answer.pieces.append(text[: LONGEST_ANSWER - answer.length])
            answer.length += len(text)
        case ToolCallStarted(given, name):
            identity = answer.identity(given)
            answer.calls[identity] = ToolCall(identity, name, {})
        case ToolCall(given):
            identity = answer.identity(given)
            answer.calls[identity] = replace(event, id=identity)
        case Finished():
            answer.finished = event
            return
    partials.show(answer.partial)


def _final(answer: _Answer, model: str, made_up: Sequence[str] = ()) -> NewEntry:
    text, reason = answer.text, answer.finished.reason
    if reason == "length" and not answer.calls:
        text += _CUT_OFF
    if reason == "refusal" and not text:
        text = _REFUSED
    if made_up:
        text = guard.flagged(text, made_up)
    private = {"model": model, "usage": _usage(answer.finished.usage), "finish_reason": reason}
    return messages.ai(text, calls=list(answer.calls.values()), private=private)


def _usage(usage: Usage) -> dict[str, int]:
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


def _identity(call: ToolCall) -> tuple[str, bytes]:
    return call.name, json.dumps(dict(sorted(call.arguments.items())))
