"""A language model that says what a test wrote for it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from furze.llm.types import Finished, ModelEvent, ModelRequest, TextDelta, ToolCall

#: One answer: its events in order; among them a `Gate` waits for the test, a number of seconds passes, an exception
#: is raised.
Script = Sequence["ModelEvent | Gate | Exception | float"]


@dataclass
class Gate:
    """Holds a scripted model back, in whatever thread the test is, until the test opens it."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Let the model go on."""
        self.opened.set()

    async def _wait(self) -> None:
        self.reached.set()
        try:
            while not self.opened.is_set():  # noqa: ASYNC110 - the test opens it from another thread
                await asyncio.sleep(0.002)
        finally:
            self.closed.set()


class ScriptedModel:
    """Answers each request with the next script, with `otherwise` once none is left; keeps the `requests`."""

    name = "scripted"
    is_language_model = True

    def __init__(self, *scripts: Script, otherwise: Callable[[ModelRequest], Script] | None = None) -> None:
        self.scripts = list(scripts)
        self.otherwise = otherwise or (lambda _request: says("ok"))
        self.requests: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The next script."""
        self.requests.append(request)
        script = self.scripts.pop(0) if self.scripts else self.otherwise(request)
        for step in script:
            if isinstance(step, Gate):
                await step._wait()  # noqa: SLF001 - the gate's other side
            elif isinstance(step, Exception):
                raise step
            elif isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step


def says(*pieces: str) -> list[ModelEvent]:
    """A script that answers in text."""
    return [*map(TextDelta, pieces), Finished("stop")]


def calls(name: str, arguments: dict[str, Any] | None = None, *, call_id: str = "call-1") -> list[ModelEvent]:
    """A script that calls one tool."""
    return [ToolCall(call_id, name, arguments or {}), Finished("tool_calls")]
