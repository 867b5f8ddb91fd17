"""Runs a tool's call: checked, within its deadline, its answer bounded, every failure in words a model can act on."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

from furze.llm.arguments import fault
from furze.llm.types import Tool, ToolContext, ToolError, ToolPaused, ToolResult

log = logging.getLogger(__name__)

#: Characters of a result that a model gets to read.
LONGEST_RESULT = 60_000


def misuse(tool: Tool, arguments: dict[str, Any]) -> str | None:
    """What is wrong with a call's arguments, or None."""
    wrong = fault(arguments, tool.parameters)
    return wrong and unusable(tool.name, wrong)


def unusable(name: str, wrong: str) -> str:
    """What a model is told about arguments that can't be used."""
    return f"The arguments of {name} can't be used: {wrong}. Call it again with mended arguments."


async def run_tool(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    """The result of a call. Raises `ToolError` with words for the model, and `ToolPaused` when a person must decide."""
    try:
        async with asyncio.timeout(tool.deadline_seconds):
            result = await tool.run(arguments, context)
    except TimeoutError as error:
        seconds = tool.deadline_seconds
        raise ToolError(f"{tool.name} did not finish within {seconds:g} seconds and was stopped.") from error
    except ToolError as error:
        raise ToolError(f"{tool.name} failed: {error}") from error
    except ToolPaused:
        raise
    except Exception as error:
        log.exception("tool %s failed", tool.name)
        raise ToolError(
            f"{tool.name} failed for a reason of its own. Try another way, or say that it failed."
        ) from error
    return replace(result, text=bounded(result.text))


def bounded(text: str) -> str:
    """The beginning of a long text, with how much is missing."""
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n[cut: {len(text) - LONGEST_RESULT} more characters]"
