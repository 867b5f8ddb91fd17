"""The built-in assistant as a model: it looks up names, asks one query, and tells the result."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from furze.kit import json
from furze.kit.clock import Clock
from furze.llm.builtin import answers, exporting, followups, planning, taxonomy
from furze.llm.builtin.reading import Declined, Reading
from furze.llm.types import Finished, Message, ModelEvent, ModelRequest, TextDelta, ToolCall

_PIECE = 60
_LOOK_UP, _EXPORTS = "read_taxonomy", "list_batch_exports"


class BuiltInAssistant:
    """Answers questions about a project's data without a language model.

    The same steps as any model: one call to look up names, one query, one answer. Each step is found anew from the
    messages, so that a turn goes on after a crash.
    """

    name = "built-in query reader, no language model"
    is_language_model = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The next step of the turn."""
        step = self._step(request)
        if isinstance(step, ToolCall):
            yield step
            yield Finished("tool_calls")
            return
        for start in range(0, len(step), _PIECE):
            yield TextDelta(step[start : start + _PIECE])
        yield Finished("stop")

    def _step(self, request: ModelRequest) -> ToolCall | str:
        question, done = _turn(request.messages)
        earlier = _earlier(request.messages)
        tools = {tool.name for tool in request.tools}
        if question is None or _LOOK_UP not in tools:
            return answers.no_tools()
        if _LOOK_UP not in done:
            return _call(_LOOK_UP, {})
        found = _parsed(done[_LOOK_UP])
        if found is None:
            return answers.failed(done[_LOOK_UP])
        return self._answer(question, earlier, found, done, tools) if found.get("events") else answers.no_events()

    def _answer(
        self, question: str, earlier: list[str], found: dict[str, Any], done: dict[str, str], tools: set[str]
    ) -> ToolCall | str:
        names, now = taxonomy.read(found), self._clock.now().astimezone(_zone(found.get("timezone")))
        reading = followups.read(question, earlier, names, now)
        if not isinstance(reading, Declined) and not reading.tool:
            return answers.catalogue(found)
        if not isinstance(reading, Declined) and reading.tool not in tools:
            reading = Declined(f"I have no tool for {reading.measure} here.")
        if isinstance(reading, Declined):
            return answers.declined(reading, _suggestions(names, now))
        if "export" in reading.query:
            return self._order(reading, done)
        if reading.tool not in done:
            arguments = {} if reading.tool != "create_insight" else {"query": reading.query, "name": question[:80]}
            return _call(reading.tool, arguments)
        result = _parsed(done[reading.tool])
        return answers.failed(done[reading.tool]) if result is None else answers.told(reading, result)

    def _order(self, reading: Reading, done: dict[str, str]) -> ToolCall | str:
        """Something to do to one export: find it, do it (which waits for an approval), tell how it went."""
        if _EXPORTS not in done:
            return _call(_EXPORTS, {})
        listed = _parsed(done[_EXPORTS])
        if listed is None:
            return answers.failed(done[_EXPORTS])
        if reading.tool not in done:
            found = exporting.resolved(reading, listed)
            return answers.declined(found, []) if isinstance(found, Declined) else _call(reading.tool, found)
        result = _parsed(done[reading.tool])
        return answers.failed(done[reading.tool]) if result is None else answers.told(reading, result)


def _turn(messages: Sequence[Message]) -> tuple[str | None, dict[str, str]]:
    """The question of the turn, and what the tools have given back since."""
    asked = max((index for index, each in enumerate(messages) if each.role == "user"), default=None)
    if asked is None:
        return None, {}
    names = {call.id: call.name for each in messages[asked:] for call in each.tool_calls}
    done = {
        names[each.tool_call_id]: each.content
        for each in messages[asked:]
        if each.role == "tool" and each.tool_call_id in names
    }
    return messages[asked].content.split("\n\n<attached_context>")[0], done


def _earlier(messages: Sequence[Message]) -> list[str]:
    """What was asked before, newest first."""
    asked = [each.content.split("\n\n<attached_context>")[0] for each in messages if each.role == "user"]
    return asked[-2::-1]


def _call(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(f"call_{uuid4().hex[:24]}", name, arguments)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _zone(name: Any) -> Any:
    try:
        return ZoneInfo(str(name)) if name else UTC
    except (KeyError, ValueError):
        return UTC


def _suggestions(names: taxonomy.Taxonomy, now: datetime) -> list[str]:
    """Questions about this project that are sure to be answered."""
    said = [" ".join(taxonomy_words) for taxonomy_words in map(planning.event_words, names.events)]
    candidates = [
        *(f"How many {words} events in the last 7 days?" for words in said[:2]),
        "How many unique visitors per day in the last 2 weeks?",
        "What is the total revenue by country in the last 30 days?",
        "What are the top 5 products by revenue?",
        *(f"How many {words} events per day?" for words in said),
        "What events do we track?",
    ]
    return [each for each in candidates if not isinstance(planning.read(each, names, now), Declined)][:4]
