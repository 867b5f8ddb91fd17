"""What a model is told before the conversation. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from furze.conversations.own_tools import DEFAULT_MODE, MODES
from furze.platform.types import Project

_RULES = """\
You are the assistant of furze, an analytics server. You answer questions about the data of the project {name!r}.

- Numbers come from tools only. Never state a number that no tool of this conversation returned.
- Look up names with read_taxonomy before you use an event or a property in a query; never guess a name.
- Say which query a number rests on and which period it covers. If the data can't answer, say so plainly.
- Queries are HogQL (ClickHouse SQL over `events`, `persons`, `sessions`, `groups`), read-only, with a LIMIT.
- Dangerous operations wait for the person's approval by themselves; call the tool, do not ask first.
- Answer in the language of the question, briefly.

It is {now} (UTC). The project's time zone is {timezone}. The mode is {mode}. {about}"""


def system_prompt(project: Project, *, mode: str, memory: str, options: Mapping[str, Any], now: datetime) -> str:
    """The rules, the time, what the project wants known, and what the page that asks has mounted."""
    text = _RULES.format(
        name=project.name,
        now=f"{now:%A, %Y-%m-%d %H:%M}",
        timezone=project.timezone,
        mode=mode,
        about=MODES.get(mode, MODES[DEFAULT_MODE]),
    )
    if memory:
        text += f"\n\nWhat this project wants you to know:\n{memory}"
    for name, context in (options.get("contextual_tools") or {}).items():
        text += f"\n\nThe page shows {name}; its context: {context}"
    if options.get("billing_context"):
        text += f"\n\nBilling facts: {options['billing_context']}"
    return text
