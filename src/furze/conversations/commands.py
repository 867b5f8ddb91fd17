"""Messages that begin with a slash: done here, the same with and without a language model."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from furze.conversations import memory
from furze.conversations.types import Entry
from furze.database import Database
from furze.kit import json
from furze.kit.clock import Clock
from furze.llm.types import Tool, ToolContext, ToolError
from furze.platform.errors import FurzeError

_TAXONOMY: Final = "read_taxonomy"
_NAMES_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was given: what follows its name, and what it may need."""

    text: str
    project_id: int
    entries: Sequence[Entry]
    database: Database
    clock: Clock
    tools: Mapping[str, Tool]
    context: ToolContext


async def answer(command: Callable[[str], Command], content: str) -> str | None:
    """What a message that is a command is answered with; None for any other message."""
    name, *rest = content.split(maxsplit=1) or [""]
    run = _COMMANDS.get(name.lower())
    if run is None:
        return None
    try:
        return await run(command("".join(rest).strip()))
    except (FurzeError, ToolError) as error:
        return error.detail if isinstance(error, FurzeError) else str(error)


async def _remember(command: Command) -> str:
    if not command.text:
        known = await command.database.read(memory.read, command.project_id)
        return (
            f"I remember of this project:\n\n{known}"
            if known
            else "I remember nothing yet. Say `/remember` and a fact."
        )
    now = command.clock.now()
    await command.database.write(memory.remember, command.project_id, command.text, now=now)
    return f"I'll remember: {command.text}"


async def _forget(command: Command) -> str:
    await command.database.write(memory.replace, command.project_id, "", now=command.clock.now())
    return "I remember nothing of this project any more."


async def _init(command: Command) -> str:
    """Look at what the project records, and remember it in a few sentences."""
    tool = command.tools.get(_TAXONOMY)
    if tool is None:
        return "There is no data to look at here."
    async with asyncio.timeout(tool.deadline_seconds):
        found = json.loads((await tool.run({}, command.context)).text)
    summary = _described(found)
    known = await command.database.read(memory.read, command.project_id)
    kept = "\n".join(line for line in known.split("\n") if line and not line.startswith(_FIRST_WORDS))
    text = "\n".join((*summary, kept)).strip()
    await command.database.write(memory.replace, command.project_id, text, now=command.clock.now())
    return "I looked at this project and remember:\n\n" + "\n".join(f"- {line}" for line in summary)


_FIRST_WORDS: Final = ("Events: ", "Properties of people: ", "Groups: ", "No events")


def _described(found: Mapping[str, Any]) -> list[str]:
    events = [f"{each['event']} ({each['count']:,})" for each in found.get("events", ())]
    if not events:
        return ["No events have been captured yet."]
    lines = ["Events: " + _listed(events) + "."]
    if people := list(found.get("person_properties", ())):
        lines.append("Properties of people: " + _listed(people) + ".")
    if groups := list(found.get("group_types", ())):
        lines.append("Groups: " + _listed(groups) + ".")
    return lines


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


async def _usage(command: Command) -> str:
    """How many tokens this conversation has taken, by model."""
    answers: Counter[str] = Counter()
    read: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for entry in command.entries:
        private = entry.private or {}
        if entry.payload.get("type") != "ai" or "model" not in private:
            continue
        model, usage = private["model"], private.get("usage") or {}
        answers[model] += 1
        read[model] += usage.get("input_tokens", 0)
        written[model] += usage.get("output_tokens", 0)
    if not answers:
        return "No model has answered in this conversation yet."
    rows = [f"| {model} | {count} | {read[model]:,} | {written[model]:,} |" for model, count in answers.items()]
    return "\n".join(("| model | answers | tokens read | tokens written |", "|---|--:|--:|--:|", *rows))


async def _help(_command: Command) -> str:
    return "\n".join(f"- `{name}` {text}" for name, text in _HELP.items())


_HELP: Final = {
    "/init": "looks at what this project records and remembers it",
    "/remember": "a fact: remembers it for every conversation of this project; alone, shows what is remembered",
    "/forget": "forgets all of it",
    "/usage": "how many tokens this conversation has taken",
    "/help": "shows this list",
}
_COMMANDS: Final[Mapping[str, Callable[[Command], Awaitable[str]]]] = {
    "/init": _init,
    "/remember": _remember,
    "/forget": _forget,
    "/usage": _usage,
    "/help": _help,
}
